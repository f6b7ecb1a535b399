//! A table of the descriptors of fd-only timers. A forked child reads it without a lock, and closes
//! the descriptors that the library owns.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::clock;
use super::fd::{close, end_identity, has_reopen_flag, is_placeholder, is_readable_mode, Identity, FIRST};
use super::fork::{handler_runs_at_the_fork, set_child_handler, PerProcess};
use super::system::SYSTEM;
use crate::clock::Clock;

/// Stands for no descriptor.
const NONE: RawFd = -1;

/// The release time of an entry that was not released.
const IN_USE: u32 = 0;

/// The time for which a released entry stays unchanged, unless there are more than `MOST_KEPT` such
/// entries.
///
/// At a fork, a kernel may copy the descriptors some milliseconds before it copies the memory. If
/// an entry is released in between, the child still finds in it the numbers that it must close.
const KEPT: Duration = Duration::from_secs(1);
const MOST_KEPT: usize = 4096;

/// The number of entries that are allocated at a time.
const CHUNK: usize = 128;

static TABLE: PerProcess<ForkTable> = PerProcess::new();

/// The table of this process.
struct ForkTable {
    /// The chunk that was allocated last. Chunks are never freed.
    last: AtomicPtr<Chunk>,
    /// The entries that no timer uses, in the order in which they may be reused. Only the process
    /// that created the table takes this lock.
    free: Mutex<VecDeque<Free>>,
    /// The number at which a duplicate of a read end exists for the duration of one read (see
    /// `short_lived`).
    short_lived: AtomicI32,
    /// The time at which a read end was last reopened.
    reopened: AtomicU32,
    /// The highest number that a reopened read end had.
    highest_reopened: AtomicI32,
    /// The number of threads whose placeholders may have numbers of standard streams.
    placeholder_users: AtomicU32,
    /// The time at which such a thread last closed its placeholders.
    placeholders_closed: AtomicU32,
}

/// An entry that no timer uses.
struct Free {
    entry: &'static PipeEntry,
    /// The time at which the entry was released, if it was ever used.
    since: Option<Instant>,
}

struct Chunk {
    entries: [PipeEntry; CHUNK],
    before: Option<&'static Chunk>,
}

/// The library's descriptors of one pipe.
///
/// The kernel itself stores the numbers of a new pipe in the entry, before it opens the
/// descriptors. So a child that has inherited a pipe always finds it in the table. This holds on
/// Linux, which copies the descriptors of a child before its memory. If another kernel copies the
/// memory first, a child misses a pipe that is created at that moment.
#[repr(align(32))]
pub(crate) struct PipeEntry {
    /// The user's read end and the library's write end.
    ends: [AtomicI32; 2],
    /// The library's duplicate of the read end, on platforms where it keeps one.
    duplicate: AtomicI32,
    /// The time at which the entry was released, or [`IN_USE`].
    released: AtomicU32,
    /// The device of both ends, and the inode of the read end. The inode is 0 while the pipe is
    /// being created.
    device: AtomicUsize,
    inode: AtomicUsize,
    /// The inode of the write end. Some platforms give both ends of a pipe the same inode, others
    /// do not. The two sockets of a pair have different ones.
    write_inode: AtomicUsize,
}

impl ForkTable {
    fn new() -> ForkTable {
        ForkTable {
            last: AtomicPtr::new(null_mut()),
            free: Mutex::default(),
            short_lived: AtomicI32::new(NONE),
            reopened: AtomicU32::new(0),
            highest_reopened: AtomicI32::new(0),
            placeholder_users: AtomicU32::new(0),
            placeholders_closed: AtomicU32::new(0),
        }
    }

    fn of_this_process() -> io::Result<&'static ForkTable> {
        set_child_handler(close_descriptors_of_the_parent);
        TABLE.get_or_make(ForkTable::new)
    }

    fn free(&self) -> MutexGuard<'_, VecDeque<Free>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allocates entries, while `free` is locked.
    fn grow(&self, free: &mut VecDeque<Free>) {
        let chunk = Chunk { entries: std::array::from_fn(|_| PipeEntry::new()), before: self.last() };
        let chunk: &'static Chunk = Box::leak(Box::new(chunk));
        self.last.store((chunk as *const Chunk).cast_mut(), Ordering::Release);
        // With this capacity, the timer thread can release entries without allocating.
        free.reserve(self.entries().count() - free.len());
        chunk.entries.iter().for_each(|entry| free.push_front(Free { entry, since: None }));
    }

    fn last(&self) -> Option<&'static Chunk> {
        // SAFETY: the pointer is null or comes from a chunk that is never freed, and that only its
        // atomics change.
        unsafe { self.last.load(Ordering::Acquire).as_ref() }
    }

    fn entries(&self) -> impl Iterator<Item = &'static PipeEntry> {
        std::iter::successors(self.last(), |chunk| chunk.before).flat_map(|chunk| &chunk.entries)
    }
}

/// Reserves an entry for a new pipe.
pub(crate) fn reserve() -> io::Result<&'static PipeEntry> {
    let table = ForkTable::of_this_process()?;
    let mut free = table.free();
    if !free.front().is_some_and(|first| free.len() > MOST_KEPT || first.is_usable()) {
        table.grow(&mut free);
    }
    let Free { entry, .. } = free.pop_front().ok_or(io::ErrorKind::OutOfMemory)?;
    entry.clear();
    Ok(entry)
}

impl Free {
    fn is_usable(&self) -> bool {
        self.since.map_or(true, |since| since.elapsed() >= KEPT)
    }
}

/// Records the number at which duplicates of read ends exist for the duration of one read.
pub(super) fn set_short_lived(number: RawFd) -> io::Result<()> {
    ForkTable::of_this_process()?.short_lived.store(number, Ordering::Release);
    Ok(())
}

/// Records that a read end is about to be reopened, or that it now has this number. It is reopened
/// with [`System::reopen_flag`](super::system::System).
pub(super) fn note_reopened(number: Option<RawFd>) -> io::Result<()> {
    let table = ForkTable::of_this_process()?;
    table.highest_reopened.fetch_max(number.unwrap_or(0), Ordering::Release);
    table.reopened.store(now(), Ordering::Release);
    Ok(())
}

/// Records, until it is dropped, that placeholders may have numbers of standard streams.
pub(super) struct PlaceholdersInUse(&'static ForkTable);

impl PlaceholdersInUse {
    pub(super) fn begin() -> io::Result<PlaceholdersInUse> {
        let table = ForkTable::of_this_process()?;
        table.placeholder_users.fetch_add(1, Ordering::AcqRel);
        Ok(PlaceholdersInUse(table))
    }
}

impl Drop for PlaceholdersInUse {
    fn drop(&mut self) {
        // A fork copies the descriptors first. So a child can have placeholders although the copy
        // of its memory says that they are closed.
        self.0.placeholders_closed.store(now(), Ordering::Release);
        self.0.placeholder_users.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Returns the monotonic time in milliseconds, which is never 0.
fn now() -> u32 {
    clock::now(Clock::Monotonic).map_or(1, |now| now.as_millis() as u32).max(1)
}

/// Whether this time is so recent that a child may have inherited a descriptor that the parent had
/// at that time.
fn is_recent(since: u32) -> bool {
    since != 0 && u128::from(now().wrapping_sub(since)) < KEPT.as_millis()
}

impl PipeEntry {
    fn new() -> PipeEntry {
        let none = || AtomicI32::new(NONE);
        PipeEntry {
            ends: [none(), none()],
            duplicate: none(),
            released: AtomicU32::new(IN_USE),
            device: AtomicUsize::new(0),
            inode: AtomicUsize::new(0),
            write_inode: AtomicUsize::new(0),
        }
    }

    /// Clears the entry. The numbers are cleared first, because numbers without an identity would
    /// look like those of a pipe that is being created.
    pub(super) fn clear(&self) {
        self.ends.iter().chain([&self.duplicate]).for_each(|number| number.store(NONE, Ordering::Release));
        self.inode.store(0, Ordering::Release);
        self.released.store(IN_USE, Ordering::Release);
    }

    /// Returns the pointer through which the kernel stores the numbers of a new pipe.
    pub(super) fn ends(&self) -> *mut RawFd {
        self.ends.as_ptr().cast::<RawFd>().cast_mut()
    }

    /// Stores the numbers of a pipe that the kernel did not store here, or whose write end has
    /// moved.
    pub(super) fn set_ends(&self, reader: &OwnedFd, writer: &OwnedFd) {
        for (number, end) in self.ends.iter().zip([reader, writer]) {
            number.store(end.as_raw_fd(), Ordering::Release);
        }
    }

    /// Stores the identities of the read end and of the write end.
    pub(super) fn identify(&self, [(device, inode), (_, write_inode)]: [Identity; 2]) {
        self.device.store(device as usize, Ordering::Release);
        self.write_inode.store(write_inode as usize, Ordering::Release);
        self.inode.store(inode as usize, Ordering::Release);
    }

    /// Stores the number of the library's own duplicate of the read end.
    pub(super) fn set_duplicate(&self, duplicate: &OwnedFd) {
        self.duplicate.store(duplicate.as_raw_fd(), Ordering::Release);
    }

    /// Releases the entry. Its descriptors are closed, or are closed soon after.
    pub(crate) fn release(&'static self) {
        if self.inode.load(Ordering::Acquire) == 0 {
            self.clear();
        }
        self.released.store(now(), Ordering::Release);
        if let Ok(table) = ForkTable::of_this_process() {
            table.free().push_back(Free { entry: self, since: Some(Instant::now()) });
        }
    }

    fn is_read_end(&self, found: Identity) -> bool {
        self.is_end(&self.inode, found)
    }

    fn is_write_end(&self, found: Identity) -> bool {
        self.is_end(&self.write_inode, found)
    }

    /// Whether the end with this inode has this identity.
    fn is_end(&self, end: &AtomicUsize, (device, inode): Identity) -> bool {
        let known = (self.device.load(Ordering::Acquire), end.load(Ordering::Acquire));
        known == (device as usize, inode as usize)
    }

    /// Whether these numbers refer to the read end and the write end of one pipe.
    fn are_ends(&self, [reader, writer]: [RawFd; 2]) -> bool {
        let Some(write_end) = end_identity(writer) else { return false };
        // The user's read end may have got the number of the write end.
        let may_write = || SYSTEM.pipes_may_be_bidirectional || !is_readable_mode(writer);
        if self.inode.load(Ordering::Acquire) != 0 {
            return self.is_write_end(write_end) && (!self.is_read_end(write_end) || may_write());
        }
        match end_identity(reader) {
            Some(read_end) if read_end == write_end => may_write(),
            // If the inodes of the ends can differ, the device is all that is known of a new pipe.
            Some(read_end) => read_end.0 == write_end.0 && !SYSTEM.ends_share_inode,
            None => false,
        }
    }

    /// Closes the library's descriptors in a forked child. Does not close a number that refers to
    /// another file or to a user's read end.
    fn close_in_child(&self) {
        let ends = [0, 1].map(|end: usize| self.ends[end].load(Ordering::Acquire));
        let released = self.released.load(Ordering::Acquire);
        if ends[1] == NONE || (released != IN_USE && !is_recent(released)) {
            return;
        }
        let is_known = self.inode.load(Ordering::Acquire) != 0;
        // The child may already have closed a pipe that was being created, and have opened its own
        // files at these numbers.
        if (is_known || handler_runs_at_the_fork()) && self.are_ends(ends) {
            close(ends[1]);
        }
        let duplicate = self.duplicate.load(Ordering::Acquire);
        if is_known && duplicate != NONE && end_identity(duplicate).is_some_and(|found| self.is_read_end(found)) {
            close(duplicate);
        }
        // The child's own descriptors may get the same numbers, and the child's children inherit
        // this table.
        self.clear();
    }
}

/// Closes the library's inherited descriptors. Runs in each forked child.
fn close_descriptors_of_the_parent() {
    let Some(table) = TABLE.inherited() else { return };
    let close_if_listed = |number: RawFd| {
        let is_listed = |end| table.entries().any(|entry| entry.is_read_end(end) || entry.is_write_end(end));
        if end_identity(number).is_some_and(is_listed) {
            close(number);
        }
    };
    close_if_listed(table.short_lived.swap(NONE, Ordering::AcqRel));
    if is_recent(table.reopened.swap(0, Ordering::AcqRel)) {
        // A reopened read end has the lowest free number, which is close to the earlier ones.
        let last = table.highest_reopened.load(Ordering::Acquire).saturating_add(CHUNK as RawFd);
        (FIRST..=last).filter(|&number| has_reopen_flag(number)).for_each(close_if_listed);
    }
    let are_in_use = table.placeholder_users.swap(0, Ordering::AcqRel) > 0;
    if is_recent(table.placeholders_closed.swap(0, Ordering::AcqRel)) || are_in_use {
        (0..FIRST).filter(|&number| is_placeholder(number)).for_each(close);
    }
    table.entries().for_each(PipeEntry::close_in_child);
}

#[cfg(test)]
mod tests;
