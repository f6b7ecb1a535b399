//! The fd-only timers by the identity of their descriptors, and the sweeps that find orphaned ones.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::os::fd::RawFd;

use crate::backends::sys::fd::Identity;
use crate::backends::sys::fork_table::PipeEntry;
use crate::backends::sys::open_files::OpenFiles;
use crate::backends::sys::read_end::OpenDescriptors;
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;

/// A timer that may be known only by its descriptors.
pub(in super::super) trait FdOnly {
    /// The identity of its descriptors, if the library's own one is still open, and whether any
    /// descriptor of a user is. The first one had the number `first`. `None` if a thread holds the
    /// timer's lock.
    fn check(&self, first: RawFd) -> Option<(Option<Identity>, OpenDescriptors)>;
    /// Ends the timer. A second call has no effect.
    fn close(&self);
    /// Ends the timer without closing its descriptors, whose numbers may belong to other files now.
    fn lose(&self);
}

/// A registered timer.
pub(in super::super) struct Entry<T> {
    pub(super) timer: Arc<T>,
    pub(super) clock: Clock,
    /// The number of the first descriptor.
    pub(super) first: RawFd,
    /// Where a forked child finds the library's descriptors.
    pub(super) listed: &'static PipeEntry,
    /// Whether the timer has ended, and only its memory is left to free.
    pub(super) has_ended: bool,
}

// Not derived, since that would require `T: Clone`.
impl<T> Clone for Entry<T> {
    fn clone(&self) -> Entry<T> {
        Entry { timer: Arc::clone(&self.timer), ..*self }
    }
}

/// All fd-only timers of the process.
pub(in super::super) struct Registry<T> {
    entries: Mutex<Entries<T>>,
}

/// The timer thread only marks an entry as ended, and a caller frees it: a thread that frees memory
/// would get a malloc arena.
struct Entries<T> {
    by_identity: BTreeMap<Identity, Entry<T>>,
    /// The identities of the entries that have ended. Its capacity suffices for all entries.
    ended: Vec<Identity>,
    /// How many timers can be created until a caller sweeps again.
    until_sweep: usize,
}

impl<T: FdOnly> Registry<T> {
    pub(in super::super) fn new() -> Registry<T> {
        let entries = Entries { by_identity: BTreeMap::new(), ended: Vec::new(), until_sweep: MIN_UNTIL_SWEEP };
        Registry { entries: Mutex::new(entries) }
    }

    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        // No user code runs under this lock, so a panic cannot leave the entries inconsistent.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        let entries = self.lock();
        entries.by_identity.len() == entries.ended.len()
    }

    /// Registers a timer. Returns `false` if there is one of this identity.
    pub(in super::super) fn insert(&self, identity: Identity, entry: Entry<T>) -> bool {
        let mut entries = self.lock();
        if entries.get(identity).is_some() {
            return false;
        }
        let ended = entries.by_identity.insert(identity, entry);
        if ended.is_some() {
            entries.ended.retain(|&other| other != identity);
        }
        let space = entries.by_identity.len() - entries.ended.len();
        entries.ended.reserve(space);
        drop(entries);
        drop(ended);
        true
    }

    pub(super) fn find(&self, identity: Identity) -> Option<Entry<T>> {
        self.lock().get(identity).cloned()
    }

    /// Whether the identity of a registered timer differs from `present`, the identity of its
    /// descriptors now. If it does, the timer is unregistered. (A timer that is being released is
    /// not registered.)
    pub(super) fn has_lost(&self, timer: &Arc<T>, present: Option<Identity>) -> bool {
        let mut entries = self.lock();
        let is_it = |entry: &Entry<T>| Arc::ptr_eq(&entry.timer, timer);
        if present.is_some_and(|present| entries.get(present).is_some_and(is_it)) {
            return false;
        }
        let registered = entries.by_identity.iter().find(|(_, entry)| is_it(entry)).map(|(&identity, _)| identity);
        registered.is_some_and(|identity| entries.end(identity))
    }

    /// Unregisters a timer, and ends it.
    pub(super) fn release(&self, identity: Identity, timer: &Arc<T>) {
        let mut entries = self.lock();
        if entries.get(identity).is_some_and(|entry| Arc::ptr_eq(&entry.timer, timer)) {
            entries.end(identity);
        }
        drop(entries);
        timer.close();
    }

    /// Frees ended timers before one is created. Sweeps from time to time, so that few timers are
    /// orphaned.
    pub(super) fn reclaim(&self) {
        let ended = self.lock().take_ended();
        drop(ended);
        let mut entries = self.lock();
        let must_sweep = entries.until_sweep == 0;
        entries.until_sweep = entries.until_sweep.saturating_sub(1);
        drop(entries);
        if must_sweep {
            self.sweep();
        }
    }

    /// Checks all timers, and ends the orphaned ones. Returns whether there was one.
    pub(in super::super) fn sweep(&self) -> bool {
        let (mut any, mut candidates) = (false, Vec::new());
        let mut next = self.next_after(None);
        while let Some((identity, entry)) = next {
            match entry.timer.check(entry.first) {
                Some((present, _)) if self.has_lost(&entry.timer, present) => entry.timer.lose(),
                // A locked timer is in use.
                None | Some((_, OpenDescriptors::Some)) => {}
                Some((_, OpenDescriptors::None)) => {
                    self.release(identity, &entry.timer);
                    any = true;
                }
                Some((_, OpenDescriptors::Search(own))) => candidates.push((identity, entry, own)),
            }
            next = self.next_after(Some(identity));
        }
        self.lock().plan_sweep(0);
        // After the first descriptor of each candidate was found closed: a duplicate that was made
        // before is found.
        let orphaned = if candidates.is_empty() { Vec::new() } else { self.search(candidates) };
        orphaned.iter().for_each(|(identity, entry)| self.release(*identity, &entry.timer));
        any || !orphaned.is_empty()
    }

    /// The registered timer with the next greater identity.
    fn next_after(&self, identity: Option<Identity>) -> Option<(Identity, Entry<T>)> {
        let entries = self.lock();
        let from = identity.map_or(Bound::Unbounded, Bound::Excluded);
        let mut others = entries.by_identity.range((from, Bound::Unbounded));
        others.find(|(_, entry)| !entry.has_ended).map(|(&identity, entry)| (identity, entry.clone()))
    }

    /// Searches the open descriptors of this process, and returns the timers that have none.
    fn search(&self, candidates: Vec<Candidate<T>>) -> Vec<(Identity, Entry<T>)> {
        let open = OpenFiles::now();
        self.lock().plan_sweep(open.scanned());
        let orphaned = candidates.into_iter().filter(|&(identity, _, own)| !open.has_another(identity, own));
        orphaned.map(|(identity, entry, ..)| (identity, entry)).collect()
    }
}

impl<T> Entries<T> {
    /// The registered timer of this identity.
    fn get(&self, identity: Identity) -> Option<&Entry<T>> {
        self.by_identity.get(&identity).filter(|entry| !entry.has_ended)
    }

    /// Marks the timer of this identity as ended. Returns whether there was one.
    fn end(&mut self, identity: Identity) -> bool {
        let found = self.by_identity.get_mut(&identity).filter(|entry| !entry.has_ended);
        found.map(|entry| entry.end()).map(|()| self.ended.push(identity)).is_some()
    }

    /// Removes the ended timers that no other thread uses.
    fn take_ended(&mut self) -> Vec<Entry<T>> {
        let (mut taken, by_identity) = (Vec::new(), &mut self.by_identity);
        self.ended.retain(|identity| {
            let is_used = by_identity.get(identity).is_some_and(|entry| Arc::strong_count(&entry.timer) > 1);
            if !is_used {
                taken.extend(by_identity.remove(identity));
            }
            is_used
        });
        taken
    }

    /// Plans the next sweep by a caller, after one that has searched this many descriptors: the
    /// creation of that many timers costs as much as the sweep.
    fn plan_sweep(&mut self, searched: usize) {
        let registered = self.by_identity.len() - self.ended.len();
        self.until_sweep = MIN_UNTIL_SWEEP + registered / 4 + searched / 1024;
    }
}

impl<T> Entry<T> {
    fn end(&mut self) {
        self.has_ended = true;
        self.listed.release();
    }
}

/// The least number of timers that are created between two sweeps by callers.
const MIN_UNTIL_SWEEP: usize = 16;

/// A timer that may be orphaned, its identity, and the two descriptors of the library.
type Candidate<T> = (Identity, Entry<T>, [RawFd; 2]);

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
