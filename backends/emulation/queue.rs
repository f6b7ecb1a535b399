//! Timer queues: which timer is due first. Time is an argument.
//!
//! A timer is in one queue at most. Only [`Queues::register`] and [`Queues::unregister`] call the
//! allocator: they reserve space for all timers, whatever queues the timers are in. Timers move
//! from queue to queue without the allocator.
//!
//! Each queue is a heap with four children to a node. Every operation takes logarithmic time in the
//! worst case, not only on average: one thread serves all timers, and a slow operation delays them
//! all.

use std::ops::{Index, IndexMut};

/// The number of a timer. It can be reused once the timer is unregistered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerId(u32);

/// When a timer is due. Of two timers that are due at the same time, the one with the lower number
/// comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueEntry {
    pub(crate) due: u64,
    pub(crate) id: TimerId,
}

const NO_ENTRY: QueueEntry = QueueEntry { due: 0, id: TimerId(NONE) };

/// No timer.
const NONE: u32 = u32::MAX;

/// The queue of a timer that is in no queue.
const NO_QUEUE: u8 = u8::MAX;

/// The number of children of a node.
const CHILDREN: u32 = 4;

/// A registered timer. Some processes have thousands of them: a slot has 16 bytes if `T` is a
/// pointer and `M` has two bytes.
struct Slot<T, M> {
    value: Option<T>,
    /// The position in the queue. Of a free slot, the next free slot.
    position: u32,
    queue: u8,
    flags: M,
}

impl<T, M: Default> Slot<T, M> {
    fn new() -> Slot<T, M> {
        Slot { value: None, position: NONE, queue: NO_QUEUE, flags: M::default() }
    }
}

/// One queue: each node is due before its children.
struct Heap {
    nodes: Slab<QueueEntry>,
    len: u32,
}

/// `N` queues, and the timers that may be in one of them. Each timer has flags and may have a
/// value.
pub(crate) struct Queues<T, M, const N: usize> {
    slots: Slab<Slot<T, M>>,
    registered: u32,
    first_free: u32,
    heaps: [Heap; N],
    /// The chunks that no queue needs now.
    spare: Slab<QueueEntry>,
    /// The number of chunks of the queues, including the spare ones.
    chunks: usize,
}

impl<T, M: Default, const N: usize> Queues<T, M, N> {
    pub(crate) fn new() -> Queues<T, M, N> {
        let heaps = std::array::from_fn(|_| Heap { nodes: Slab::new(), len: 0 });
        Queues { slots: Slab::new(), registered: 0, first_free: NONE, heaps, spare: Slab::new(), chunks: 0 }
    }

    /// Registers a timer, without a value and in no queue.
    pub(crate) fn register(&mut self) -> TimerId {
        if self.first_free == NONE {
            let first = self.slots.space();
            self.slots.push(chunk(Slot::new));
            self.add_free(first);
        }
        let free = self.first_free;
        self.first_free = self.slots[free].position;
        self.registered += 1;
        self.reserve();
        TimerId(free)
    }

    /// Unregisters a timer, and returns its value.
    pub(crate) fn unregister(&mut self, id: TimerId) -> Option<T> {
        self.dequeue(id);
        let slot = &mut self.slots[id.0];
        let value = slot.value.take();
        (slot.position, slot.flags) = (self.first_free, M::default());
        self.first_free = id.0;
        self.registered -= 1;
        if self.registered == 0 && (self.slots.space() > CHUNK || self.chunks > 1) {
            self.shrink();
        }
        value
    }

    /// Adds the slots of a chunk to the free ones.
    fn add_free(&mut self, first: u32) {
        for number in (first..first + CHUNK).rev() {
            self.slots[number] = Slot { position: self.first_free, ..Slot::new() };
            self.first_free = number;
        }
    }

    /// Allocates the chunks that the queues can need. In each queue that is in use, one chunk may
    /// be partly filled.
    fn reserve(&mut self) {
        let full = (self.registered / CHUNK) as usize;
        let needed = full + N.min(self.registered as usize);
        while self.chunks < needed {
            self.chunks += 1;
            self.heaps.iter_mut().for_each(|heap| heap.nodes.reserve(self.chunks));
            self.spare.reserve(self.chunks);
            self.spare.push(chunk(|| NO_ENTRY));
        }
    }

    /// Frees almost all memory. No timer is registered.
    fn shrink(&mut self) {
        self.slots.shrink();
        self.first_free = NONE;
        self.add_free(0);
        self.spare.shrink();
        self.chunks = 1;
        self.heaps.iter_mut().for_each(|heap| heap.nodes.shrink());
    }

    #[inline]
    pub(crate) fn value(&mut self, id: TimerId) -> &mut Option<T> {
        &mut self.slots[id.0].value
    }

    #[inline]
    pub(crate) fn flags(&mut self, id: TimerId) -> &mut M {
        &mut self.slots[id.0].flags
    }

    /// The first timer, from this number on, whose flags satisfy the condition; and the number
    /// after it.
    pub(crate) fn find_from(&self, number: u32, condition: impl Fn(&M) -> bool) -> Option<(TimerId, u32)> {
        let found = (number..self.slots.space()).find(|&number| condition(&self.slots[number].flags))?;
        Some((TimerId(found), found + 1))
    }

    /// The timer that is due first.
    #[inline]
    pub(crate) fn first(&self, queue: usize) -> Option<QueueEntry> {
        let heap = &self.heaps[queue];
        (heap.len > 0).then(|| heap.nodes[0])
    }

    /// Dequeues the first timer, if it is due.
    pub(crate) fn pop_due(&mut self, queue: usize, now: u64) -> Option<QueueEntry> {
        let first = self.first(queue).filter(|first| first.due <= now)?;
        self.dequeue(first.id);
        Some(first)
    }

    /// Moves a timer to this queue, whatever queue it was in.
    pub(crate) fn enqueue(&mut self, id: TimerId, queue: usize, due: u64) {
        let entry = QueueEntry { due, id };
        let slot = &self.slots[id.0];
        if usize::from(slot.queue) == queue {
            self.replace(queue, slot.position, entry);
            return;
        }
        self.dequeue(id);
        self.slots[id.0].queue = queue as u8;
        let heap = &mut self.heaps[queue];
        if heap.len == heap.nodes.space() {
            // `register` has reserved one.
            self.spare.pop().into_iter().for_each(|spare| heap.nodes.push(spare));
        }
        heap.len += 1;
        let last = heap.len - 1;
        self.sift_up(queue, last, entry);
    }

    pub(crate) fn is_enqueued(&self, id: TimerId) -> bool {
        self.slots[id.0].queue != NO_QUEUE
    }

    /// Takes a timer out of its queue, if it is in one.
    pub(crate) fn dequeue(&mut self, id: TimerId) {
        let slot = &mut self.slots[id.0];
        if slot.queue == NO_QUEUE {
            return;
        }
        let (queue, position) = (usize::from(slot.queue), slot.position);
        slot.queue = NO_QUEUE;
        let heap = &mut self.heaps[queue];
        heap.len -= 1;
        let last = heap.nodes[heap.len];
        if heap.len % CHUNK == 0 {
            heap.nodes.pop().into_iter().for_each(|unneeded| self.spare.push(unneeded));
        }
        if last.id != id {
            self.replace(queue, position, last);
        }
    }

    /// Puts an entry in the place of another one, and moves it to where it belongs.
    fn replace(&mut self, queue: usize, position: u32, entry: QueueEntry) {
        if position > 0 && entry < self.heaps[queue].nodes[(position - 1) / CHILDREN] {
            self.sift_up(queue, position, entry);
        } else {
            self.sift_down(queue, position, entry);
        }
    }

    fn sift_up(&mut self, queue: usize, mut position: u32, entry: QueueEntry) {
        while position > 0 {
            let above = (position - 1) / CHILDREN;
            let parent = self.heaps[queue].nodes[above];
            if parent < entry {
                break;
            }
            self.set(queue, position, parent);
            position = above;
        }
        self.set(queue, position, entry);
    }

    fn sift_down(&mut self, queue: usize, mut position: u32, entry: QueueEntry) {
        while let Some((below, child)) = self.heaps[queue].first_child(position) {
            if entry < child {
                break;
            }
            self.set(queue, position, child);
            position = below;
        }
        self.set(queue, position, entry);
    }

    #[inline]
    fn set(&mut self, queue: usize, position: u32, entry: QueueEntry) {
        self.heaps[queue].nodes[position] = entry;
        self.slots[entry.id.0].position = position;
    }
}

impl Heap {
    /// The child that is due first, and its position.
    #[inline]
    fn first_child(&self, position: u32) -> Option<(u32, QueueEntry)> {
        let first = position * CHILDREN + 1;
        let children = (first..self.len.min(first + CHILDREN)).map(|child| (child, self.nodes[child]));
        children.min_by_key(|&(_, entry)| entry)
    }
}

/// The number of values in a chunk.
const CHUNK: u32 = 64;

type Chunk<V> = Box<[V; CHUNK as usize]>;

fn chunk<V>(mut new: impl FnMut() -> V) -> Chunk<V> {
    Box::new(std::array::from_fn(|_| new()))
}

/// Numbered values, in chunks that never move: growing copies no value.
struct Slab<V> {
    chunks: Vec<Chunk<V>>,
}

impl<V> Slab<V> {
    const fn new() -> Slab<V> {
        Slab { chunks: Vec::new() }
    }

    /// The number of values that there is space for.
    fn space(&self) -> u32 {
        self.chunks.len() as u32 * CHUNK
    }

    /// Allocates what [`push`](Slab::push) needs until the slab has this number of chunks.
    fn reserve(&mut self, chunks: usize) {
        self.chunks.reserve(chunks.saturating_sub(self.chunks.len()));
    }

    fn push(&mut self, chunk: Chunk<V>) {
        self.chunks.push(chunk);
    }

    fn pop(&mut self) -> Option<Chunk<V>> {
        self.chunks.pop()
    }

    /// Frees all chunks except the first, and the reserved space.
    fn shrink(&mut self) {
        self.chunks.truncate(1);
        self.chunks.shrink_to(1);
    }
}

impl<V> Index<u32> for Slab<V> {
    type Output = V;

    #[inline]
    fn index(&self, number: u32) -> &V {
        &self.chunks[(number / CHUNK) as usize][(number % CHUNK) as usize]
    }
}

impl<V> IndexMut<u32> for Slab<V> {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut V {
        &mut self.chunks[(number / CHUNK) as usize][(number % CHUNK) as usize]
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
