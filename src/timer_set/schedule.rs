//! The entries of a set and when they are due. Pure: time is an argument.

use std::io;

use super::base::Base;
use super::batch::Batch;
use super::heap::{Heaps, Node};
use super::slots::{Key, Slots, MAX_SLOTS};
use crate::backends::emulation::{self, schedule::NEVER};

/// A time for each base.
pub(super) type Times = [u64; 2];

/// When an entry expires.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) base: Base,
    pub(super) deadline: u64,
    pub(super) interval: u64,
}

/// An entry that was due.
#[derive(Debug)]
pub(super) struct Due<T> {
    pub(super) key: Key,
    pub(super) base: Base,
    pub(super) deadline: u64,
    pub(super) count: u64,
    /// `None` if the entry is periodic. It stays in the set.
    pub(super) value: Option<T>,
}

#[derive(Debug)]
pub(super) struct Schedule<T> {
    slots: Slots<T>,
    heaps: Heaps,
    batches: [Batch; 2],
    /// When the present drain began.
    drain: Option<Times>,
}

impl<T> Schedule<T> {
    pub(super) const fn new() -> Schedule<T> {
        Schedule { slots: Slots::new(), heaps: Heaps::new(), batches: [Batch::EMPTY; 2], drain: None }
    }

    pub(super) fn slots(&self) -> &Slots<T> {
        &self.slots
    }

    pub(super) fn slots_mut(&mut self) -> &mut Slots<T> {
        &mut self.slots
    }

    /// Returns whether there are entries on a base, outside a drain.
    pub(super) fn uses(&self, base: Base) -> bool {
        self.heaps.len(base) > 0
    }

    /// Allocates memory for one more entry, if necessary. If that fails, nothing changes.
    pub(super) fn reserve_one(&mut self) -> io::Result<()> {
        if !self.slots.is_full() {
            return Ok(());
        }
        self.grow((self.slots.capacity() + 1).max(8))
    }

    pub(super) fn grow(&mut self, capacity: usize) -> io::Result<()> {
        if capacity <= self.slots.capacity() {
            return Ok(());
        }
        if capacity > MAX_SLOTS {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        // Twice as much at least, so that many small requests take linear time.
        let capacity = capacity.max(2 * self.slots.capacity()).min(MAX_SLOTS);
        let grown = self.heaps.grow(capacity).and_then(|()| self.slots.grow(capacity));
        grown.map_err(|_| io::ErrorKind::OutOfMemory.into())
    }

    /// Inserts an entry. The caller has reserved its memory.
    pub(super) fn insert(&mut self, setting: Setting, value: T) -> Key {
        let key = self.slots.insert(setting.deadline, setting.interval, value);
        self.push(setting.base, key.slot, setting.deadline);
        key
    }

    fn push(&mut self, base: Base, slot: u32, time: u64) {
        self.heaps.push(base, Node { time, slot }, self.slots.all_mut());
    }

    /// Changes when an entry expires. It leaves the present drain.
    #[inline]
    pub(super) fn rearm(&mut self, number: u32, setting: Setting) {
        let slot = self.slots.slot_mut(number);
        let stays = slot.place.base() == setting.base && !slot.place.is_in_batch();
        let is_later = setting.deadline >= slot.deadline;
        (slot.deadline, slot.interval) = (setting.deadline, setting.interval);
        if !(stays && is_later) {
            self.move_node(number, setting, stays);
        }
    }

    fn move_node(&mut self, number: u32, setting: Setting, stays: bool) {
        let Setting { base, deadline, .. } = setting;
        let position = self.slots.slot(number).place.index();
        if !stays {
            self.take_out(number);
            self.push(base, number, deadline);
        } else if deadline < self.heaps.node(base, position).time {
            self.heaps.set_time(base, position, deadline, self.slots.all_mut());
        }
    }

    /// Removes an entry from its heap or batch.
    fn take_out(&mut self, number: u32) {
        let place = self.slots.slot(number).place;
        if place.is_in_batch() {
            self.batches[place.base() as usize].remove(number, self.slots.links_mut());
        } else {
            self.heaps.remove(place.base(), place.index(), self.slots.all_mut());
        }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let number = self.slots.find(key)?;
        self.take_out(number);
        self.slots.free(number)
    }

    pub(super) fn clear(&mut self) {
        self.heaps.clear();
        self.batches = [Batch::EMPTY; 2];
        self.drain = None;
        self.slots.clear();
    }

    /// Returns the base and the deadline of an entry.
    pub(super) fn deadline(&self, key: Key) -> Option<(Base, u64)> {
        let slot = self.slots.slot(self.slots.find(key)?);
        Some((slot.place.base(), slot.deadline))
    }

    /// Returns whether a drain has begun and has not ended.
    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Begins a drain: collects the entries that are due.
    pub(super) fn begin_drain(&mut self, now: Times) {
        self.drain = Some(now);
        Base::ALL.into_iter().for_each(|base| self.collect(base, now[base as usize]));
    }

    pub(super) fn end_drain(&mut self) {
        self.drain = None;
    }

    /// Moves the entries that are due from a heap to its batch.
    fn collect(&mut self, base: Base, now: u64) {
        for _ in 0..self.max_single_moves(base) {
            let Some(first) = self.heaps.first(base).filter(|first| first.time <= now) else { return };
            if !self.correct(base, first) {
                self.heaps.remove(base, 0, self.slots.all_mut());
                self.batches[base as usize].push(base, first.slot, self.slots.links_mut());
            }
        }
        for node in self.heaps.take_due(base, now, self.slots.all_mut()) {
            self.batches[base as usize].push(base, node.slot, self.slots.links_mut());
        }
    }

    /// Returns how many nodes are moved one by one. For more, it is faster to move all at once.
    fn max_single_moves(&self, base: Base) -> u32 {
        self.heaps.len(base) / 16 + 16
    }

    /// Returns the next entry of the drain. Removes it, or moves a periodic one to its next
    /// deadline.
    pub(super) fn next_due(&mut self) -> Option<Due<T>> {
        let now = self.drain?;
        let (base, number) = match self.batches.map(Batch::first) {
            [Some(steady), Some(wall)] if self.is_due_before(wall, steady, now) => (Base::Wall, wall),
            [Some(steady), _] => (Base::Steady, steady),
            [None, wall] => (Base::Wall, wall?),
        };
        let (key, deadline) = (self.slots.key(number), self.slots.slot(number).deadline);
        let (count, value) = self.expire(base, number, now[base as usize]);
        Some(Due { key, base, deadline, count, value })
    }

    /// Returns whether an entry on the wall clock has been due for longer than one on the other
    /// base.
    fn is_due_before(&self, wall: u32, steady: u32, now: Times) -> bool {
        let rank = |base: Base, number: u32| {
            let slot = self.slots.slot(number);
            (now[base as usize] - slot.deadline, std::cmp::Reverse(slot.insertion))
        };
        rank(Base::Wall, wall) > rank(Base::Steady, steady)
    }

    fn expire(&mut self, base: Base, number: u32, now: u64) -> (u64, Option<T>) {
        self.batches[base as usize].remove(number, self.slots.links_mut());
        let slot = self.slots.slot_mut(number);
        let mut expirations = emulation::schedule::Schedule::new(Some(slot.deadline), slot.interval);
        let count = expirations.count(now);
        let Some(next) = expirations.next() else { return (count, self.slots.free(number)) };
        slot.deadline = next.min(NEVER);
        let deadline = slot.deadline;
        self.push(base, number, deadline);
        (count, None)
    }

    /// Moves the first node to the deadline of its entry. Returns whether it was early.
    fn correct(&mut self, base: Base, first: Node) -> bool {
        let deadline = self.slots.slot(first.slot).deadline;
        if deadline != first.time {
            self.heaps.set_time(base, 0, deadline, self.slots.all_mut());
        }
        deadline != first.time
    }

    /// Returns the first deadline on each base, or [`NEVER`].
    pub(super) fn first_deadlines(&mut self) -> Times {
        Base::ALL.map(|base| {
            let in_batch = self.batches[base as usize].first().map(|number| self.slots.slot(number).deadline);
            self.first_in_heap(base).min(in_batch.unwrap_or(NEVER))
        })
    }

    fn first_in_heap(&mut self, base: Base) -> u64 {
        for _ in 0..self.max_single_moves(base) {
            match self.heaps.first(base) {
                Some(first) if self.correct(base, first) => {}
                Some(first) => return first.time,
                None => return NEVER,
            }
        }
        self.heaps.correct_all(base, self.slots.all_mut());
        self.heaps.first(base).map_or(NEVER, |first| first.time)
    }
}

#[cfg(all(test, feature = "proptest"))]
#[path = "schedule_tests.rs"]
mod tests;
