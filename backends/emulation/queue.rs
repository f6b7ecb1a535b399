//! Timer queues: which entry is due first. Time is an argument.
//!
//! An entry is in one queue at most. Only [`Queues::register`] and [`Queues::unregister`] call the
//! allocator: they see to it that there is space for all entries, whatever queues they are in.
//! Entries move from queue to queue without it.
//!
//! Each queue is a heap of four children to a node. Every operation takes logarithmic time in the
//! worst case, not only on average: one thread serves all timers, and a slow step of it delays them
//! all.

use super::slab::{chunk, Slab, CHUNK};

/// The number of an entry. Another entry can have it once this one is unregistered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u32);

/// When an entry is due. Of two entries that are due at the same time, the one with the lower key
/// comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) due: u64,
    pub(crate) key: Key,
}

const NOWHERE: Place = Place { due: 0, key: Key(NONE) };

/// No entry.
const NONE: u32 = u32::MAX;

/// The queue of an entry that is in none.
const NO_QUEUE: u8 = u8::MAX;

/// The number of children of a node.
const CHILDREN: u32 = 4;

/// There are thousands of these in some processes: 16 bytes if `T` is a pointer and `M` has two
/// bytes.
struct Entry<T, M> {
    value: Option<T>,
    /// Where it is in its queue. Of an unregistered entry, the next unregistered one.
    at: u32,
    queue: u8,
    marks: M,
}

impl<T, M: Default> Entry<T, M> {
    fn new() -> Entry<T, M> {
        Entry { value: None, at: NONE, queue: NO_QUEUE, marks: M::default() }
    }
}

/// One queue: each node is due before its children.
struct Heap {
    nodes: Slab<Place>,
    len: u32,
}

/// So many queues, and entries that may be in one of them: each with a value, if it was given one,
/// and marks.
pub(crate) struct Queues<T, M, const N: usize> {
    entries: Slab<Entry<T, M>>,
    registered: u32,
    first_free: u32,
    heaps: [Heap; N],
    /// The chunks that no queue needs now.
    spare: Slab<Place>,
    /// The number of chunks of the queues, spare ones included.
    chunks: usize,
}

impl<T, M: Default, const N: usize> Queues<T, M, N> {
    pub(crate) fn new() -> Queues<T, M, N> {
        let heaps = std::array::from_fn(|_| Heap { nodes: Slab::new(), len: 0 });
        Queues { entries: Slab::new(), registered: 0, first_free: NONE, heaps, spare: Slab::new(), chunks: 0 }
    }

    /// Makes an entry without a value, in no queue.
    pub(crate) fn register(&mut self) -> Key {
        if self.first_free == NONE {
            let first = self.entries.space();
            self.entries.push(chunk(Entry::new));
            self.add_free(first);
        }
        let free = self.first_free;
        self.first_free = self.entries[free].at;
        self.registered += 1;
        self.reserve();
        Key(free)
    }

    /// Ends an entry, and returns its value.
    pub(crate) fn unregister(&mut self, key: Key) -> Option<T> {
        self.dequeue(key);
        let entry = &mut self.entries[key.0];
        let value = entry.value.take();
        (entry.at, entry.marks) = (self.first_free, M::default());
        self.first_free = key.0;
        self.registered -= 1;
        if self.registered == 0 && (self.entries.space() > CHUNK || self.chunks > 1) {
            self.shrink();
        }
        value
    }

    /// Makes the entries of a chunk available.
    fn add_free(&mut self, first: u32) {
        for number in (first..first + CHUNK).rev() {
            self.entries[number] = Entry { at: self.first_free, ..Entry::new() };
            self.first_free = number;
        }
    }

    /// Allocates the chunks that the queues can need. In each queue that is in use, one may be
    /// filled in part.
    fn reserve(&mut self) {
        let full = (self.registered / CHUNK) as usize;
        let needed = full + N.min(self.registered as usize);
        while self.chunks < needed {
            self.chunks += 1;
            self.heaps.iter_mut().for_each(|heap| heap.nodes.reserve(self.chunks));
            self.spare.reserve(self.chunks);
            self.spare.push(chunk(|| NOWHERE));
        }
    }

    /// Frees almost all memory. No entry is registered.
    fn shrink(&mut self) {
        self.entries.shrink();
        self.first_free = NONE;
        self.add_free(0);
        self.spare.shrink();
        self.chunks = 1;
        self.heaps.iter_mut().for_each(|heap| heap.nodes.shrink());
    }

    #[inline]
    pub(crate) fn value(&mut self, key: Key) -> &mut Option<T> {
        &mut self.entries[key.0].value
    }

    #[inline]
    pub(crate) fn marks(&mut self, key: Key) -> &mut M {
        &mut self.entries[key.0].marks
    }

    /// The first entry from this number on whose marks are these, and the number after it.
    pub(crate) fn find_from(&self, number: u32, are_these: impl Fn(&M) -> bool) -> Option<(Key, u32)> {
        let found = (number..self.entries.space()).find(|&number| are_these(&self.entries[number].marks))?;
        Some((Key(found), found + 1))
    }

    /// The entry that is due first.
    #[inline]
    pub(crate) fn first(&self, queue: usize) -> Option<Place> {
        let heap = &self.heaps[queue];
        (heap.len > 0).then(|| heap.nodes[0])
    }

    /// Takes the first entry out of its queue, if it is due.
    pub(crate) fn pop_due(&mut self, queue: usize, now: u64) -> Option<Place> {
        let first = self.first(queue).filter(|first| first.due <= now)?;
        self.dequeue(first.key);
        Some(first)
    }

    /// Moves an entry to this queue, wherever it was.
    pub(crate) fn enqueue(&mut self, key: Key, queue: usize, due: u64) {
        let place = Place { due, key };
        let entry = &self.entries[key.0];
        if usize::from(entry.queue) == queue {
            self.put(queue, entry.at, place);
            return;
        }
        self.dequeue(key);
        self.entries[key.0].queue = queue as u8;
        let heap = &mut self.heaps[queue];
        if heap.len == heap.nodes.space() {
            // There is one: `register` has seen to it.
            self.spare.pop().into_iter().for_each(|spare| heap.nodes.push(spare));
        }
        heap.len += 1;
        let last = heap.len - 1;
        self.rise(queue, last, place);
    }

    /// Whether an entry is in a queue.
    pub(crate) fn is_enqueued(&self, key: Key) -> bool {
        self.entries[key.0].queue != NO_QUEUE
    }

    /// Takes an entry out of its queue, if it is in one.
    pub(crate) fn dequeue(&mut self, key: Key) {
        let entry = &mut self.entries[key.0];
        if entry.queue == NO_QUEUE {
            return;
        }
        let (queue, at) = (usize::from(entry.queue), entry.at);
        entry.queue = NO_QUEUE;
        let heap = &mut self.heaps[queue];
        heap.len -= 1;
        let last = heap.nodes[heap.len];
        if heap.len % CHUNK == 0 {
            heap.nodes.pop().into_iter().for_each(|unneeded| self.spare.push(unneeded));
        }
        if last.key != key {
            self.put(queue, at, last);
        }
    }

    /// Puts an entry where another one was, and from there to where it belongs.
    fn put(&mut self, queue: usize, at: u32, place: Place) {
        if at > 0 && place < self.heaps[queue].nodes[(at - 1) / CHILDREN] {
            self.rise(queue, at, place);
        } else {
            self.sink(queue, at, place);
        }
    }

    /// Puts an entry there, or above.
    fn rise(&mut self, queue: usize, mut at: u32, place: Place) {
        while at > 0 {
            let above = (at - 1) / CHILDREN;
            let parent = self.heaps[queue].nodes[above];
            if parent < place {
                break;
            }
            self.set(queue, at, parent);
            at = above;
        }
        self.set(queue, at, place);
    }

    /// Puts an entry there, or below.
    fn sink(&mut self, queue: usize, mut at: u32, place: Place) {
        while let Some((below, child)) = self.heaps[queue].first_child(at) {
            if place < child {
                break;
            }
            self.set(queue, at, child);
            at = below;
        }
        self.set(queue, at, place);
    }

    #[inline]
    fn set(&mut self, queue: usize, at: u32, place: Place) {
        self.heaps[queue].nodes[at] = place;
        self.entries[place.key.0].at = at;
    }
}

impl Heap {
    /// The child that is due first, and where it is.
    #[inline]
    fn first_child(&self, at: u32) -> Option<(u32, Place)> {
        let first = at * CHILDREN + 1;
        let children = (first..self.len.min(first + CHILDREN)).map(|child| (child, self.nodes[child]));
        children.min_by_key(|&(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TwoQueues = Queues<char, (), 2>;

    impl<T, M: Default, const N: usize> Queues<T, M, N> {
        /// Panics unless each entry is where it says, after its parent, and no chunk is lost.
        pub(in super::super) fn check(&self) {
            for (queue, heap) in self.heaps.iter().enumerate() {
                for at in 0..heap.len {
                    let place = heap.nodes[at];
                    let entry = &self.entries[place.key.0];
                    assert_eq!((usize::from(entry.queue), entry.at), (queue, at));
                    assert!(at == 0 || heap.nodes[(at - 1) / CHILDREN] < place);
                }
                assert!(heap.nodes.space() - heap.len < CHUNK);
            }
            let space: u32 = self.heaps.iter().map(|heap| heap.nodes.space()).sum();
            assert_eq!((space + self.spare.space()) / CHUNK, self.chunks as u32);
        }
    }

    #[test]
    fn due_entries_come_out_in_order_and_no_other_does() {
        let mut queues = TwoQueues::new();
        let keys = [30, 10, 20, 10].map(|due| {
            let key = queues.register();
            queues.enqueue(key, 0, due);
            key
        });
        assert_eq!(queues.first(0), Some(Place { due: 10, key: keys[1] }));
        let due: Vec<Key> = std::iter::from_fn(|| queues.pop_due(0, 20)).map(|place| place.key).collect();
        assert_eq!(due, [keys[1], keys[3], keys[2]]);
        assert_eq!(queues.first(0), Some(Place { due: 30, key: keys[0] }));
        assert_eq!(queues.first(1), None);
    }

    #[test]
    fn an_entry_is_in_the_last_queue_only() {
        let mut queues = TwoQueues::new();
        let key = queues.register();
        queues.enqueue(key, 0, 10);
        queues.enqueue(key, 1, 20);
        assert_eq!((queues.first(0), queues.first(1)), (None, Some(Place { due: 20, key })));
        queues.dequeue(key);
        queues.dequeue(key);
        assert_eq!(queues.pop_due(1, u64::MAX), None);
    }

    #[test]
    fn an_unregistered_entry_leaves_its_queue_and_gives_its_value_back() {
        let mut queues = TwoQueues::new();
        let [key, other] = [queues.register(), queues.register()];
        *queues.value(key) = Some('a');
        queues.enqueue(key, 0, 10);
        assert_eq!(queues.unregister(key), Some('a'));
        assert_eq!(queues.first(0), None);
        assert_eq!(queues.unregister(other), None);
        let again = queues.register();
        assert_eq!(*queues.value(again), None);
    }

    #[test]
    fn the_memory_of_many_entries_is_freed_with_the_last() {
        let mut queues = TwoQueues::new();
        let keys: Vec<Key> = (0..10 * CHUNK).map(|_| queues.register()).collect();
        assert_eq!(queues.entries.space(), 10 * CHUNK);
        for key in keys {
            queues.unregister(key);
        }
        assert_eq!(queues.entries.space(), CHUNK);
        let mut again: Vec<Key> = (0..2 * CHUNK).map(|_| queues.register()).collect();
        again.dedup();
        assert_eq!((again.len() as u32, queues.entries.space()), (2 * CHUNK, 2 * CHUNK));
    }

    #[test]
    fn marked_entries_are_found_one_after_another() {
        let mut queues = Queues::<(), bool, 1>::new();
        let keys = [false, true, false, true].map(|marked| {
            let key = queues.register();
            *queues.marks(key) = marked;
            key
        });
        let (first, next) = queues.find_from(0, |&marked| marked).unwrap();
        let (second, end) = queues.find_from(next, |&marked| marked).unwrap();
        assert_eq!([first, second], [keys[1], keys[3]]);
        assert_eq!(queues.find_from(end, |&marked| marked), None);
    }

    #[test]
    fn many_entries_find_space_in_any_queue() {
        let mut queues = Queues::<(), (), 3>::new();
        let keys: Vec<Key> = (0..5 * u64::from(CHUNK)).map(|_| queues.register()).collect();
        for round in 0..7 {
            for (number, &key) in keys.iter().enumerate() {
                queues.enqueue(key, (number * round / 2 + round) % 3, (number * 7_919 % 1_000) as u64);
            }
            queues.check();
        }
        for queue in 0..3 {
            let due: Vec<Place> = std::iter::from_fn(|| queues.pop_due(queue, u64::MAX)).collect();
            assert!(due.windows(2).all(|two| two[0] < two[1]));
        }
        queues.check();
    }

    /// The number of chunks that each queue, and the spare ones, have space for.
    fn reserved_chunks<const N: usize>(queues: &Queues<(), (), N>) -> Vec<usize> {
        queues.heaps.iter().map(|heap| &heap.nodes).chain([&queues.spare]).map(Slab::reserved).collect()
    }

    /// The timer thread moves entries, and must not call the allocator.
    #[test]
    fn entries_move_to_any_queue_without_an_allocation() {
        let mut queues = Queues::<(), (), 3>::new();
        // Each is in a queue at once, so that there are never many spare chunks before the last loop.
        let register = |due| {
            let key = queues.register();
            queues.enqueue(key, 0, due);
            key
        };
        let keys: Vec<Key> = (0..20 * u64::from(CHUNK)).map(register).collect();
        let reserved = reserved_chunks(&queues);
        for queue in [1, 2] {
            keys.iter().for_each(|&key| queues.enqueue(key, queue, 0));
        }
        keys.iter().for_each(|&key| queues.dequeue(key));
        assert_eq!(reserved_chunks(&queues), reserved);
    }

    #[test]
    fn an_entry_takes_16_bytes_and_its_place_as_many() {
        let pointer = std::mem::size_of::<usize>();
        assert_eq!(std::mem::size_of::<Entry<Box<u8>, [u8; 2]>>(), 8 + pointer);
        assert!(std::mem::size_of::<Place>() <= 16);
    }
}
