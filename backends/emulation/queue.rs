//! All timers' order: what is due first. Time is an argument.

use std::collections::BTreeMap;

/// A place in a [`Queue`]: the time that it is due at, and the id that tells apart those due at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) due: u64,
    pub(crate) id: u64,
}

/// Things in the order of their places.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    places: BTreeMap<Place, T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue { places: BTreeMap::new() }
    }
}

impl<T> Queue<T> {
    pub(crate) fn insert(&mut self, place: Place, thing: T) {
        self.places.insert(place, thing);
    }

    pub(crate) fn remove(&mut self, place: Place) -> Option<T> {
        self.places.remove(&place)
    }

    /// The place that comes first.
    pub(crate) fn first(&self) -> Option<Place> {
        self.places.keys().next().copied()
    }

    /// Takes out the first, if it is due.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<(Place, T)> {
        let first = self.places.first_entry()?;
        (first.key().due <= now).then(|| first.remove_entry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn place(due: u64, id: u64) -> Place {
        Place { due, id }
    }

    #[test]
    fn what_is_due_comes_out_in_order_and_nothing_else() {
        let mut queue = Queue::default();
        for (due, id) in [(30, 1), (10, 2), (20, 3), (10, 4)] {
            queue.insert(place(due, id), id);
        }
        assert_eq!(queue.first(), Some(place(10, 2)));
        let due: Vec<u64> = std::iter::from_fn(|| queue.pop_due(20)).map(|(_, id)| id).collect();
        assert_eq!(due, [2, 4, 3]);
        assert_eq!(queue.first(), Some(place(30, 1)));
    }

    #[test]
    fn what_was_removed_does_not_come() {
        let mut queue = Queue::default();
        queue.insert(place(10, 1), 'a');
        queue.insert(place(10, 2), 'b');
        assert_eq!(queue.remove(place(10, 1)), Some('a'));
        assert_eq!(queue.remove(place(10, 1)), None);
        assert_eq!(queue.pop_due(10), Some((place(10, 2), 'b')));
        assert_eq!(queue.pop_due(u64::MAX), None);
    }
}
