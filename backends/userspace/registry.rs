//! Timers that are known by their descriptors alone: which is whose, and which of them everybody has closed.

use std::collections::BTreeMap;
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

struct Entries<T> {
    by_identity: BTreeMap<Identity, Entry<T>>,
    /// How many may come until all are looked at again.
    to_come: usize,
}

impl<T: Ownerless> Registry<T> {
    pub(super) fn new() -> Registry<T> {
        Registry { entries: Mutex::new(Entries { by_identity: BTreeMap::new(), to_come: FEWEST }) }
    }

    fn entries(&self) -> MutexGuard<'_, Entries<T>> {
        // No code of a user's runs under this lock, so a panic can't have left it half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries().by_identity.is_empty()
    }

    /// Whether it was put there: not if there is one of this identity.
    pub(super) fn insert(&self, identity: Identity, entry: Entry<T>) -> bool {
        let mut entries = self.entries();
        if entries.by_identity.contains_key(&identity) {
            return false;
        }
        entries.by_identity.insert(identity, entry);
        true
    }

    pub(super) fn find(&self, identity: Identity) -> Option<Entry<T>> {
        self.entries().by_identity.get(&identity).cloned()
    }

    /// Whether a thing is known by another identity than the one that its descriptors show now, if any; then it is known no more. (Who is
    /// being released is not known by any.)
    pub(super) fn has_lost(&self, thing: &Arc<T>, shown: Option<Identity>) -> bool {
        let mut entries = self.entries();
        let is_it = |entry: &Entry<T>| Arc::ptr_eq(&entry.thing, thing);
        if shown.is_some_and(|shown| entries.by_identity.get(&shown).is_some_and(is_it)) {
            return false;
        }
        let known = entries.by_identity.iter().find(|(_, entry)| is_it(entry)).map(|(&identity, _)| identity);
        known.is_some_and(|identity| entries.remove(identity))
    }

    /// Ends a thing, which is known no more.
    pub(super) fn release(&self, identity: Identity, thing: &Arc<T>) {
        let mut entries = self.entries();
        if entries.by_identity.get(&identity).is_some_and(|entry| Arc::ptr_eq(&entry.thing, thing)) {
            entries.remove(identity);
        }
        drop(entries);
        thing.close();
    }

    /// One more is about to come. From time to time all are looked at then, so that those which are abandoned stay few among the others.
    pub(super) fn make_room(&self) {
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
        let (mut abandoned, mut sought) = (Vec::new(), Vec::new());
        for (identity, entry) in self.all() {
            if self.has_lost(&entry.thing, entry.thing.identity()) {
                entry.thing.lose();
                continue;
            }
            match entry.thing.holders(entry.number) {
                Holders::Some => {}
                Holders::None => abandoned.push((identity, entry)),
                Holders::ToBeSought(beside) => sought.push((identity, entry, beside)),
            }
        }
        // After it was seen of each that it is not where it was: what is duplicated is not missed.
        let looked_behind = if sought.is_empty() { 0 } else { seek(sought, &mut abandoned) };
        self.entries().rest(looked_behind);
        let any = !abandoned.is_empty();
        abandoned.into_iter().for_each(|(identity, entry)| self.release(identity, &entry.thing));
        any
    }

    fn all(&self) -> Vec<(Identity, Entry<T>)> {
        self.entries().by_identity.iter().map(|(&identity, entry)| (identity, entry.clone())).collect()
    }
}

impl<T> Entries<T> {
    /// Whether there was a thing of this identity.
    fn remove(&mut self, identity: Identity) -> bool {
        let found = self.by_identity.remove(&identity);
        found.iter().for_each(|entry| entry.pipe.release());
        found.is_some()
    }

    /// All have been looked at, and behind so many numbers: as many may come as make up for it.
    fn rest(&mut self, looked_behind: usize) {
        self.to_come = FEWEST + self.by_identity.len() / 4 + looked_behind / 1024;
    }
}

/// How many may come at least, from one look at all of them to the next.
const FEWEST: usize = 16;

/// A thing, the identity of its descriptors, and the two of them that its maker has.
type Sought<T> = (Identity, Entry<T>, [RawFd; 2]);

/// Which of those nobody has a descriptor of; behind how many numbers it was looked.
fn seek<T>(sought: Vec<Sought<T>>, abandoned: &mut Vec<(Identity, Entry<T>)>) -> usize {
    let open = OpenFiles::now();
    let missing = sought.into_iter().filter(|&(identity, _, beside)| !open.has_another(identity, beside));
    abandoned.extend(missing.map(|(identity, entry, ..)| (identity, entry)));
    open.looked_behind()
}

/// When all things are to be looked at next: soon after one has come or another was found abandoned, then ever more seldom.
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
