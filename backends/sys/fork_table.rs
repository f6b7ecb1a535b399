//! The descriptors of fd-only timers that a forked child closes, in a table that the child reads
//! without a lock.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fd::{close, has_mark, is_placeholder, is_readable_mode, pipe_identity, Identity, FIRST};
use super::fork::{in_child, PerProcess};
use super::system::SYSTEM;
use crate::clock::Clock;

/// Stands for no descriptor.
const NONE: RawFd = -1;

/// Stands for an entry that was not released.
const IN_USE: u32 = 0;

/// How long a released entry stays as it is, unless more than so many are waiting. A kernel may
/// copy the descriptors of a child some milliseconds before it copies the memory: an entry that is
/// released in between still tells the child what to close.
const UNTOUCHED: Duration = Duration::from_secs(1);
const MOST_UNTOUCHED: usize = 4096;

/// How many entries are allocated at a time.
const CHUNK: usize = 128;

static TABLE: PerProcess<ForkTable> = PerProcess::new();

/// The table of this process.
struct ForkTable {
    /// The chunk that was allocated last. Chunks are never freed.
    last: AtomicPtr<Chunk>,
    /// The entries that no timer has, in the order in which they may be used. Only the process that
    /// made the table takes this lock.
    free: Mutex<VecDeque<Free>>,
    /// The number that holds a duplicate of a pipe's read end for the length of one read
    /// (`short_lived`).
    short_lived: AtomicI32,
    /// When a read end was last opened anew, and the highest number that one had.
    reopened: AtomicU32,
    highest_reopened: AtomicI32,
    /// When standard streams last had placeholders.
    placeholders: AtomicU32,
}

/// An entry that no timer has.
struct Free {
    entry: &'static PipeEntry,
    /// When it was released, if it was ever used.
    since: Option<Instant>,
}

struct Chunk {
    entries: [PipeEntry; CHUNK],
    before: Option<&'static Chunk>,
}

/// The descriptors that the library has of one pipe.
///
/// The kernel itself stores the numbers of a new pipe here, before it opens them: so there is no
/// moment at which a child has inherited a pipe and does not find it in the table. (Linux copies
/// the descriptors of a child before its memory. Where a kernel copies the memory first, a pipe
/// that is made at that moment is missed.)
#[repr(align(32))]
pub(crate) struct PipeEntry {
    /// The user's read end and the library's write end.
    ends: [AtomicI32; 2],
    /// The library's duplicate of the read end, where it keeps one.
    duplicate: AtomicI32,
    /// When the entry was released; [`IN_USE`] before.
    released: AtomicU32,
    /// The identity of the pipe. An inode of 0 stands for a pipe that is being made.
    device: AtomicUsize,
    inode: AtomicUsize,
}

impl ForkTable {
    fn new() -> ForkTable {
        ForkTable {
            last: AtomicPtr::new(null_mut()),
            free: Mutex::default(),
            short_lived: AtomicI32::new(NONE),
            reopened: AtomicU32::new(0),
            highest_reopened: AtomicI32::new(0),
            placeholders: AtomicU32::new(0),
        }
    }

    fn of_this_process() -> io::Result<&'static ForkTable> {
        in_child(close_descriptors_of_the_parent);
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
        // So that the timer thread can release entries without allocating.
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

/// An entry for a new pipe, without descriptors.
pub(crate) fn reserve() -> io::Result<&'static PipeEntry> {
    let table = ForkTable::of_this_process()?;
    let mut free = table.free();
    if !free.front().is_some_and(|first| free.len() > MOST_UNTOUCHED || first.is_usable()) {
        table.grow(&mut free);
    }
    let Free { entry, .. } = free.pop_front().ok_or(io::ErrorKind::OutOfMemory)?;
    entry.clear();
    Ok(entry)
}

impl Free {
    fn is_usable(&self) -> bool {
        self.since.map_or(true, |since| since.elapsed() >= UNTOUCHED)
    }
}

/// Says which number holds a duplicate of a pipe's read end for the length of one read.
pub(super) fn set_short_lived(number: RawFd) -> io::Result<()> {
    ForkTable::of_this_process()?.short_lived.store(number, Ordering::Release);
    Ok(())
}

/// Says that a read end is about to be opened anew, with [`System::mark`](super::system::System),
/// or has this number now.
pub(super) fn note_reopened(number: Option<RawFd>) -> io::Result<()> {
    let table = ForkTable::of_this_process()?;
    table.highest_reopened.fetch_max(number.unwrap_or(0), Ordering::Release);
    table.reopened.store(now(), Ordering::Release);
    Ok(())
}

/// Says that placeholders are about to have numbers of standard streams.
pub(super) fn note_placeholders() -> io::Result<()> {
    ForkTable::of_this_process()?.placeholders.store(now(), Ordering::Release);
    Ok(())
}

/// Milliseconds of the monotonic clock, never 0.
fn now() -> u32 {
    Clock::Monotonic.now().map_or(1, |now| now.as_millis() as u32).max(1)
}

/// Whether so little time has passed since that a child may have inherited what the parent had
/// then.
fn is_recent(since: u32) -> bool {
    since != 0 && u128::from(now().wrapping_sub(since)) < UNTOUCHED.as_millis()
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
        }
    }

    /// Forgets the pipe. The numbers go first: without an identity they would pass for those of a
    /// pipe that is being made.
    pub(super) fn clear(&self) {
        self.ends.iter().chain([&self.duplicate]).for_each(|number| number.store(NONE, Ordering::Release));
        self.inode.store(0, Ordering::Release);
        self.released.store(IN_USE, Ordering::Release);
    }

    /// Where the kernel is to store the numbers of the new pipe's ends.
    pub(super) fn ends(&self) -> *mut RawFd {
        self.ends.as_ptr().cast::<RawFd>().cast_mut()
    }

    /// Stores the numbers of a pipe that was made in another way, or whose write end was moved.
    pub(super) fn set_ends(&self, reader: &OwnedFd, writer: &OwnedFd) {
        for (place, end) in self.ends.iter().zip([reader, writer]) {
            place.store(end.as_raw_fd(), Ordering::Release);
        }
    }

    /// Stores the pipe's identity.
    pub(super) fn identify(&self, (device, inode): Identity) {
        self.device.store(device as usize, Ordering::Release);
        self.inode.store(inode as usize, Ordering::Release);
    }

    /// Stores the number of the library's own duplicate of the read end.
    pub(super) fn set_duplicate(&self, duplicate: &OwnedFd) {
        self.duplicate.store(duplicate.as_raw_fd(), Ordering::Release);
    }

    /// Gives the entry back, when the descriptors are closed or about to be.
    pub(crate) fn release(&'static self) {
        if self.inode.load(Ordering::Acquire) == 0 {
            self.clear();
        }
        self.released.store(now(), Ordering::Release);
        if let Ok(table) = ForkTable::of_this_process() {
            table.free().push_back(Free { entry: self, since: Some(Instant::now()) });
        }
    }

    fn is_of(&self, (device, inode): Identity) -> bool {
        let known = (self.device.load(Ordering::Acquire), self.inode.load(Ordering::Acquire));
        known == (device as usize, inode as usize)
    }

    /// Closes the library's descriptors in a forked child, except numbers that refer to other files
    /// or to a user's read end.
    fn close_in_child(&self) {
        let [reader, writer] = [0, 1].map(|end: usize| self.ends[end].load(Ordering::Acquire));
        let released = self.released.load(Ordering::Acquire);
        if writer == NONE || (released != IN_USE && !is_recent(released)) {
            return;
        }
        let is_read_end = !SYSTEM.pipes_may_go_both_ways && is_readable_mode(writer);
        let pipe = pipe_identity(writer).filter(|_| !is_read_end);
        let is_known = self.inode.load(Ordering::Acquire) != 0;
        if pipe.is_some_and(|found| if is_known { self.is_of(found) } else { pipe_identity(reader) == Some(found) }) {
            close(writer);
        }
        let duplicate = self.duplicate.load(Ordering::Acquire);
        if is_known && duplicate != NONE && pipe_identity(duplicate).is_some_and(|found| self.is_of(found)) {
            close(duplicate);
        }
        // The child's own descriptors may get the numbers, and its children have this table too.
        self.clear();
    }
}

/// Runs in each forked child.
fn close_descriptors_of_the_parent() {
    let Some(table) = TABLE.inherited() else { return };
    let close_if_listed = |number: RawFd| {
        if pipe_identity(number).is_some_and(|found| table.entries().any(|entry| entry.is_of(found))) {
            close(number);
        }
    };
    close_if_listed(table.short_lived.swap(NONE, Ordering::AcqRel));
    if is_recent(table.reopened.swap(0, Ordering::AcqRel)) {
        // The number that a read end has got is the lowest that was free, near those of before.
        let last = table.highest_reopened.load(Ordering::Acquire).saturating_add(CHUNK as RawFd);
        (FIRST..=last).filter(|&number| has_mark(number)).for_each(close_if_listed);
    }
    if is_recent(table.placeholders.swap(0, Ordering::AcqRel)) {
        (0..FIRST).filter(|&number| is_placeholder(number)).for_each(close);
    }
    table.entries().for_each(PipeEntry::close_in_child);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::sys::fd::{duplicate_onto, identity, is_open};
    use crate::backends::sys::pipe::listed_pipe;
    use std::os::fd::{FromRawFd, IntoRawFd};

    /// A listed pipe, as numbers.
    fn pipe(entry: &PipeEntry) -> [RawFd; 2] {
        let (reader, writer) = listed_pipe(true, true, entry).unwrap();
        [reader.into_raw_fd(), writer.into_raw_fd()]
    }

    #[allow(unsafe_code)]
    fn own(number: RawFd) -> OwnedFd {
        // SAFETY: the number is of a descriptor that no other code closes.
        unsafe { OwnedFd::from_raw_fd(number) }
    }

    #[test]
    fn a_child_closes_the_write_end_and_leaves_the_users_end() {
        let entry = reserve().unwrap();
        let [reader, writer] = pipe(entry);
        let duplicate = crate::backends::sys::fd::lowest_duplicate(reader).unwrap();
        entry.set_duplicate(&duplicate);
        let duplicate = duplicate.into_raw_fd();
        let file = identity(reader).unwrap();
        entry.close_in_child();
        let is_pipe = |number| identity(number).is_ok_and(|found| found == file);
        assert_eq!([reader, writer, duplicate].map(is_pipe), [true, false, false]);
        drop(own(reader));
        entry.release();
    }

    #[test]
    fn a_child_closes_the_write_end_of_a_pipe_that_is_being_made() {
        let entry = reserve().unwrap();
        let [reader, writer] = pipe(entry);
        let file = identity(reader).unwrap();
        entry.identify((0, 0));
        entry.close_in_child();
        let is_pipe = |number| identity(number).is_ok_and(|found| found == file);
        assert_eq!([reader, writer].map(is_pipe), [true, false]);
        drop(own(reader));
        entry.release();
    }

    #[test]
    fn a_number_that_refers_to_another_file_is_left_alone() {
        let file = std::fs::File::open("/dev/null").unwrap();
        for is_known in [true, false] {
            let entry = reserve().unwrap();
            let [reader, writer] = pipe(entry);
            duplicate_onto(file.as_raw_fd(), writer).unwrap();
            if !is_known {
                entry.identify((0, 0));
            }
            entry.close_in_child();
            assert!(is_open(writer));
            drop((own(reader), own(writer)));
            entry.release();
        }
    }

    #[test]
    fn an_entry_is_not_reused_for_a_second() {
        let entry = reserve().unwrap();
        let released = Instant::now();
        entry.release();
        for _ in 0..2 * CHUNK {
            assert!(!std::ptr::eq(reserve().unwrap(), entry) || released.elapsed() >= UNTOUCHED);
        }
    }
}
