//! The entries of a drain: a list of those that were due when it began, in order.
//!
//! The list is linked through the slots. So each entry can leave it in constant time, and the list
//! needs no memory of its own.

use super::base::Base;
use super::slots::{Links, Place, NONE};

/// The entries of one time base that the present drain has not returned yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    first: u32,
    /// The last entry, unless the batch is empty.
    last: u32,
}

impl Batch {
    pub(super) const EMPTY: Batch = Batch { first: NONE, last: NONE };

    /// Returns the slot of the first entry.
    #[inline]
    pub(super) fn first(self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// Adds an entry at the end.
    pub(super) fn push(&mut self, base: Base, slot: u32, links: Links<'_>) {
        links.slots[slot as usize].place = Place::in_batch(base, NONE);
        links.previous[slot as usize] = self.last;
        if self.first == NONE {
            self.first = slot;
        } else {
            links.slots[self.last as usize].place = Place::in_batch(base, slot);
        }
        self.last = slot;
    }

    /// Removes an entry, whose place is in this batch.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32, links: Links<'_>) {
        let place = links.slots[slot as usize].place;
        if slot == self.first {
            // `previous` of the first slot is never read, so it need not be written.
            self.first = place.index();
            return;
        }
        let previous = links.previous[slot as usize];
        links.slots[previous as usize].place = place;
        match links.previous.get_mut(place.index() as usize) {
            Some(after) => *after = previous,
            None => self.last = previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::Slots;
    use super::*;

    #[test]
    fn an_entry_can_be_added_after_the_last_one_was_removed() {
        let mut slots = Slots::new();
        slots.grow(4).unwrap();
        let _keys = [0; 4].map(|value| slots.insert(0, 0, value));
        let mut batch = Batch::EMPTY;
        for base in Base::ALL {
            (0..3).for_each(|slot| batch.push(base, slot, slots.links_mut()));
            [2, 1].into_iter().for_each(|slot| batch.remove(slot, slots.links_mut()));
            batch.push(base, 3, slots.links_mut());
            for slot in [0, 3] {
                assert_eq!(batch.first(), Some(slot));
                batch.remove(slot, slots.links_mut());
            }
            assert_eq!(batch.first(), None);
        }
    }
}
