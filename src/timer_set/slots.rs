//! The entries of a set, in numbered slots, and the keys that identify them.
//!
//! A slot's data and its value are in two arrays. So re-arming an entry does not load its value
//! into the CPU cache.

use std::collections::TryReserveError;
use std::num::NonZeroU32;

use super::base::Base;

/// Identifies an entry of a [`TimerSet`](super::TimerSet).
///
/// A set never gives the same key to two entries. So the key of an entry that is no longer in the
/// set identifies no entry. Do not use a key with another set: it may identify an unrelated entry
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) slot: u32,
    generation: NonZeroU32,
}

/// The data of an entry, or of a free slot.
#[derive(Debug)]
pub(super) struct Slot {
    /// When the entry expires next, in nanoseconds of its time base.
    pub(super) deadline: u64,
    /// The nanoseconds between expirations, or 0 if the entry expires once.
    pub(super) interval: u64,
    /// The number of entries that were inserted before this one.
    pub(super) insertion: u64,
    /// Counts how often the slot was taken and freed. It is odd while the slot has an entry, so a
    /// key of another set never finds a free slot.
    generation: u32,
    pub(super) place: Place,
}

/// Where the entry of a slot is: in a heap, at a position; or in a batch, before another slot. A
/// free slot is in the list of free slots, before another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

const WALL_BIT: u32 = 1 << 31;
const BATCH_BIT: u32 = 1 << 30;

/// No slot.
pub(super) const NONE: u32 = BATCH_BIT - 1;

/// The maximum number of slots.
pub(super) const MAX_SLOTS: usize = NONE as usize;

impl Place {
    #[inline]
    pub(super) fn in_heap(base: Base, position: u32) -> Place {
        match base {
            Base::Steady => Place(position),
            Base::Wall => Place(position | WALL_BIT),
        }
    }

    #[inline]
    pub(super) fn in_batch(base: Base, next: u32) -> Place {
        Place(Place::in_heap(base, next).0 | BATCH_BIT)
    }

    #[inline]
    pub(super) fn base(self) -> Base {
        if self.0 & WALL_BIT == 0 {
            Base::Steady
        } else {
            Base::Wall
        }
    }

    #[inline]
    pub(super) fn is_in_batch(self) -> bool {
        self.0 & BATCH_BIT != 0
    }

    /// Returns the position in the heap, or the next slot.
    #[inline]
    pub(super) fn index(self) -> u32 {
        self.0 & NONE
    }
}

/// What links the slots of a batch.
pub(super) struct Links<'a> {
    pub(super) slots: &'a mut [Slot],
    pub(super) previous: &'a mut [u32],
}

#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Slot>,
    /// For an entry in a batch, the slot before it.
    previous: Vec<u32>,
    values: Vec<Option<T>>,
    capacity: usize,
    len: usize,
    first_free: u32,
    inserted: u64,
}

/// Drops values. If a destructor panics, the other values are dropped nevertheless.
struct DropValues<'a, T>(std::slice::IterMut<'a, Option<T>>);

impl<T> DropValues<'_, T> {
    fn drop_all(&mut self) {
        self.0.by_ref().for_each(|value| drop(value.take()));
    }
}

impl<T> Drop for DropValues<'_, T> {
    fn drop(&mut self) {
        self.drop_all();
    }
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Slots<T> {
        Slots {
            slots: Vec::new(),
            previous: Vec::new(),
            values: Vec::new(),
            capacity: 0,
            len: 0,
            first_free: NONE,
            inserted: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns whether an insertion needs more capacity.
    pub(super) fn is_full(&self) -> bool {
        self.first_free == NONE && self.slots.len() == self.capacity
    }

    /// Allocates memory for this number of slots. If that fails, nothing changes.
    pub(super) fn grow(&mut self, capacity: usize) -> Result<(), TryReserveError> {
        self.slots.try_reserve_exact(capacity - self.slots.len())?;
        self.previous.try_reserve_exact(capacity - self.previous.len())?;
        self.values.try_reserve_exact(capacity - self.values.len())?;
        self.capacity = capacity;
        Ok(())
    }

    /// Inserts an entry. The caller has checked that there is space.
    pub(super) fn insert(&mut self, deadline: u64, interval: u64, value: T) -> Key {
        let order = self.inserted;
        self.inserted += 1;
        self.len += 1;
        let number = self.take_free();
        let slot = &mut self.slots[number as usize];
        (slot.deadline, slot.interval, slot.insertion) = (deadline, interval, order);
        slot.generation += 1;
        self.values[number as usize] = Some(value);
        self.key(number)
    }

    /// Removes a slot from the list of free slots, or adds a slot.
    fn take_free(&mut self) -> u32 {
        let number = self.first_free;
        if let Some(slot) = self.slots.get(number as usize) {
            self.first_free = slot.place.index();
            return number;
        }
        // The entry is in no heap yet.
        let place = Place::in_heap(Base::Steady, NONE);
        self.slots.push(Slot { deadline: 0, interval: 0, insertion: 0, generation: 0, place });
        self.previous.push(NONE);
        self.values.push(None);
        (self.slots.len() - 1) as u32
    }

    /// Frees the slot of an entry and returns its value.
    pub(super) fn free(&mut self, number: u32) -> Option<T> {
        let slot = &mut self.slots[number as usize];
        self.len -= 1;
        // A slot whose generations are used up stays out of use. Otherwise a key could identify a
        // later entry, after two billion insertions.
        slot.generation = slot.generation.wrapping_add(1);
        if slot.generation != 0 {
            slot.place = Place::in_heap(Base::Steady, std::mem::replace(&mut self.first_free, number));
        }
        self.values[number as usize].take()
    }

    /// Frees the slots of all entries, and then drops their values.
    pub(super) fn clear(&mut self) {
        for number in 0..self.slots.len() {
            if self.values[number].is_some() {
                let value = self.free(number as u32);
                self.values[number] = value;
            }
        }
        let mut rest = DropValues(self.values.iter_mut());
        rest.drop_all();
    }

    /// Returns the key of the entry in a slot.
    pub(super) fn key(&self, number: u32) -> Key {
        let generation = NonZeroU32::new(self.slots[number as usize].generation).unwrap_or(NonZeroU32::MIN);
        Key { slot: number, generation }
    }

    /// Returns the number of the slot of an entry, if the entry is in the set.
    #[inline]
    pub(super) fn find(&self, key: Key) -> Option<u32> {
        let slot = self.slots.get(key.slot as usize)?;
        (slot.generation == key.generation.get()).then_some(key.slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        let entries = self.values.iter().enumerate();
        entries.filter_map(|(number, value)| Some((self.key(number as u32), value.as_ref()?)))
    }

    pub(super) fn value(&self, key: Key) -> Option<&T> {
        self.find(key).and_then(|number| self.values[number as usize].as_ref())
    }

    pub(super) fn value_mut(&mut self, key: Key) -> Option<&mut T> {
        self.find(key).and_then(|number| self.values[number as usize].as_mut())
    }

    #[inline]
    pub(super) fn slot(&self, number: u32) -> &Slot {
        &self.slots[number as usize]
    }

    #[inline]
    pub(super) fn slot_mut(&mut self, number: u32) -> &mut Slot {
        &mut self.slots[number as usize]
    }

    #[inline]
    pub(super) fn all_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    #[inline]
    pub(super) fn links_mut(&mut self) -> Links<'_> {
        Links { slots: &mut self.slots, previous: &mut self.previous }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots() -> Slots<u32> {
        let mut slots = Slots::new();
        slots.grow(4).unwrap();
        slots
    }

    #[test]
    fn a_key_does_not_identify_a_later_entry_of_its_slot() {
        let mut slots = slots();
        let first = slots.insert(1, 0, 10);
        assert_eq!(slots.free(first.slot), Some(10));
        let second = slots.insert(1, 0, 20);
        assert_eq!((first.slot, slots.value(first), slots.value(second)), (second.slot, None, Some(&20)));
        assert_ne!(first, second);
    }

    #[test]
    fn a_key_of_another_set_never_finds_a_free_slot() {
        let (mut slots, mut other) = (slots(), slots());
        for times in 0..4 {
            let foreign = other.insert(1, 0, 10);
            assert_eq!((slots.find(foreign), slots.value(foreign)), (None, None), "{times}");
            other.free(foreign.slot);
            let own = slots.insert(1, 0, 20);
            slots.free(own.slot);
        }
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_not_used_again() {
        let mut slots = slots();
        let key = slots.insert(1, 0, 10);
        slots.slots[0].generation = u32::MAX;
        let last = slots.key(key.slot);
        assert_eq!(slots.free(0), Some(10));
        assert_eq!((slots.find(key), slots.find(last)), (None, None));
        assert_eq!((slots.insert(1, 0, 20).slot, slots.len()), (1, 1));
    }

    #[test]
    fn a_slot_takes_32_bytes_and_an_optional_key_8() {
        assert_eq!((size_of::<Slot>(), size_of::<Option<Key>>()), (32, 8));
    }

    #[test]
    fn a_destructor_that_panics_in_clear_leaves_the_slots_consistent() {
        struct Panics(bool);
        impl Drop for Panics {
            fn drop(&mut self) {
                assert!(!self.0, "a destructor that panics");
            }
        }
        let mut slots = Slots::new();
        slots.grow(4).unwrap();
        let keys = [false, true, false].map(|panics| slots.insert(1, 0, Panics(panics)));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slots.clear())).unwrap_err();
        assert_eq!(slots.len(), 0);
        assert!(slots.values.iter().all(Option::is_none));
        assert!(keys.iter().all(|&key| slots.find(key).is_none()));
        let again = slots.insert(1, 0, Panics(false));
        assert!(slots.value(again).is_some());
    }

    use std::mem::size_of;
}
