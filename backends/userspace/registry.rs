//! Timers that are known by their descriptors alone: which is whose, and which of them everybody
//! has closed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::os::fd::RawFd;

use crate::backends::emulation::schedule::NEVER;
use crate::backends::sys::fd::Identity;
use crate::backends::sys::fork_table::PipeEntry;
use crate::backends::sys::open_files::OpenFiles;
use crate::backends::sys::read_end::Holders;
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;

/// What can be known by its descriptor alone.
pub(super) trait Ownerless {
    /// Who has a descriptor of it, one that had this `number` at first.
    fn holders(&self, number: RawFd) -> Holders;
    /// What its descriptors have in common with no other file, if they are still there.
    fn identity(&self) -> Option<Identity>;
    /// Ends it. More than once does no harm.
    fn close(&self);
    /// Ends it, and leaves alone the numbers of the descriptors that it had.
    fn lose(&self);
}

/// A thing, and what its descriptor was made for.
pub(super) struct Entry<T> {
    pub(super) thing: Arc<T>,
    pub(super) clock: Clock,
    /// Where its first descriptor was.
    pub(super) number: RawFd,
    /// Where a forked child finds the library's descriptors.
    pub(super) pipe: &'static PipeEntry,
    /// Whether it was ended, and waits to be forgotten.
    pub(super) is_ended: bool,
}

// Not derived, which would ask for a `T` that can be cloned.
impl<T> Clone for Entry<T> {
    fn clone(&self) -> Entry<T> {
        Entry { thing: Arc::clone(&self.thing), ..*self }
    }
}

/// All things that nobody owns.
pub(super) struct Registry<T> {
    entries: Mutex<Entries<T>>,
}

/// The timer thread only marks an entry as ended: a caller frees it, since a thread that frees
/// would get a malloc arena.
struct Entries<T> {
    by_identity: BTreeMap<Identity, Entry<T>>,
    /// Those of them that are ended. There is space for all.
    ended: Vec<Identity>,
    /// How many may come until all are looked at again.
    to_come: usize,
}

impl<T: Ownerless> Registry<T> {
    pub(super) fn new() -> Registry<T> {
        Registry { entries: Mutex::new(Entries { by_identity: BTreeMap::new(), ended: Vec::new(), to_come: FEWEST }) }
    }

    fn entries(&self) -> MutexGuard<'_, Entries<T>> {
        // No code of a user's runs under this lock, so a panic can't have left it half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        let entries = self.entries();
        entries.by_identity.len() == entries.ended.len()
    }

    /// Whether it was put there: not if there is one of this identity.
    pub(super) fn insert(&self, identity: Identity, entry: Entry<T>) -> bool {
        let mut entries = self.entries();
        if entries.live(identity).is_some() {
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
        self.entries().live(identity).cloned()
    }

    /// Whether a thing is known by another identity than the one that its descriptors show now, if
    /// any; then it is known no more. (Who is being released is not known by any.)
    pub(super) fn has_lost(&self, thing: &Arc<T>, shown: Option<Identity>) -> bool {
        let mut entries = self.entries();
        let is_it = |entry: &Entry<T>| Arc::ptr_eq(&entry.thing, thing);
        if shown.is_some_and(|shown| entries.live(shown).is_some_and(is_it)) {
            return false;
        }
        let known = entries.by_identity.iter().find(|(_, entry)| is_it(entry)).map(|(&identity, _)| identity);
        known.is_some_and(|identity| entries.end(identity))
    }

    /// Ends a thing, which is known no more.
    pub(super) fn release(&self, identity: Identity, thing: &Arc<T>) {
        let mut entries = self.entries();
        if entries.live(identity).is_some_and(|entry| Arc::ptr_eq(&entry.thing, thing)) {
            entries.end(identity);
        }
        drop(entries);
        thing.close();
    }

    /// Makes place for one more, in a call of the program's. From time to time it looks at all of
    /// them, so that few are abandoned.
    pub(super) fn make_room(&self) {
        let forgotten = self.entries().take_ended();
        drop(forgotten);
        let mut entries = self.entries();
        let is_time = entries.to_come == 0;
        entries.to_come = entries.to_come.saturating_sub(1);
        drop(entries);
        if is_time {
            self.look_at_all();
        }
    }

    /// Looks at all things, and releases those that are abandoned; whether there was one.
    pub(super) fn look_at_all(&self) -> bool {
        let (mut any, mut sought) = (false, Vec::new());
        let mut next = self.next_after(None);
        while let Some((identity, entry)) = next {
            if self.has_lost(&entry.thing, entry.thing.identity()) {
                entry.thing.lose();
            } else {
                match entry.thing.holders(entry.number) {
                    Holders::Some => {}
                    Holders::None => {
                        self.release(identity, &entry.thing);
                        any = true;
                    }
                    Holders::ToBeSought(beside) => sought.push((identity, entry, beside)),
                }
            }
            next = self.next_after(Some(identity));
        }
        self.entries().rest(0);
        // After it was seen of each that it is not where it was: what is duplicated is not missed.
        let missing = if sought.is_empty() { Vec::new() } else { self.seek(sought) };
        missing.iter().for_each(|(identity, entry)| self.release(*identity, &entry.thing));
        any || !missing.is_empty()
    }

    /// The first that is not ended, of those with a greater identity.
    fn next_after(&self, identity: Option<Identity>) -> Option<(Identity, Entry<T>)> {
        let entries = self.entries();
        let from = identity.map_or(Bound::Unbounded, Bound::Excluded);
        let mut others = entries.by_identity.range((from, Bound::Unbounded));
        others.find(|(_, entry)| !entry.is_ended).map(|(&identity, entry)| (identity, entry.clone()))
    }

    /// Which of these have no descriptor in this process.
    fn seek(&self, sought: Vec<Sought<T>>) -> Vec<(Identity, Entry<T>)> {
        let open = OpenFiles::now();
        self.entries().rest(open.looked_behind());
        let missing = sought.into_iter().filter(|&(identity, _, beside)| !open.has_another(identity, beside));
        missing.map(|(identity, entry, ..)| (identity, entry)).collect()
    }
}

impl<T> Entries<T> {
    fn live(&self, identity: Identity) -> Option<&Entry<T>> {
        self.by_identity.get(&identity).filter(|entry| !entry.is_ended)
    }

    /// Marks a thing as ended; whether there was one of this identity.
    fn end(&mut self, identity: Identity) -> bool {
        let found = self.by_identity.get_mut(&identity).filter(|entry| !entry.is_ended);
        found.map(|entry| entry.end()).map(|()| self.ended.push(identity)).is_some()
    }

    /// Takes out the things that are ended and that no other thread is looking at.
    fn take_ended(&mut self) -> Vec<Entry<T>> {
        let (mut taken, by_identity) = (Vec::new(), &mut self.by_identity);
        self.ended.retain(|identity| {
            let is_used = by_identity.get(identity).is_some_and(|entry| Arc::strong_count(&entry.thing) > 1);
            if !is_used {
                taken.extend(by_identity.remove(identity));
            }
            is_used
        });
        taken
    }

    /// All have been looked at, and behind so many numbers: as many may come as make up for it.
    fn rest(&mut self, looked_behind: usize) {
        self.to_come = FEWEST + (self.by_identity.len() - self.ended.len()) / 4 + looked_behind / 1024;
    }
}

impl<T> Entry<T> {
    fn end(&mut self) {
        self.is_ended = true;
        self.pipe.release();
    }
}

/// How many may come at least, from one look at all of them to the next.
const FEWEST: usize = 16;

/// A thing, the identity of its descriptors, and the two of them that its maker has.
type Sought<T> = (Identity, Entry<T>, [RawFd; 2]);

/// When all things are to be looked at next: soon after one has come or another was found
/// abandoned, then ever more seldom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rounds {
    at: u64,
    pause: u64,
}

/// The least and the most time between two looks at all things, in nanoseconds.
const SHORTEST_PAUSE: u64 = 1_000_000_000;
const LONGEST_PAUSE: u64 = 64_000_000_000;

impl Rounds {
    /// Nothing to look at.
    pub(super) const NONE: Rounds = Rounds { at: NEVER, pause: SHORTEST_PAUSE };

    /// When the next round is, by the monotonic clock.
    pub(super) fn at(&self) -> Option<u64> {
        (self.at < NEVER).then_some(self.at)
    }

    /// There is one thing more.
    pub(super) fn come_soon(&mut self, now: u64) {
        self.at = self.at.min(now.saturating_add(SHORTEST_PAUSE));
        self.pause = SHORTEST_PAUSE;
    }

    /// A round was made, in which something was `found`, and which has left things to look at.
    pub(super) fn made(&mut self, found: bool, left: bool, now: u64) {
        self.pause = if found { SHORTEST_PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
        self.at = if left { now.saturating_add(self.pause) } else { NEVER };
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
