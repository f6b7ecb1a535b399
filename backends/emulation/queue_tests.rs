//! Queues in detail; `properties.rs` compares them to a naive model.

use super::*;

type TwoQueues = Queues<char, (), 2>;

impl<T, M: Default, const N: usize> Queues<T, M, N> {
    /// Panics unless each timer is at its position, each node is due after its parent, and no chunk
    /// is lost.
    pub(in super::super) fn check(&self) {
        for (queue, heap) in self.heaps.iter().enumerate() {
            for position in 0..heap.len {
                let entry = heap.nodes[position];
                let slot = &self.slots[entry.id.0];
                assert_eq!((usize::from(slot.queue), slot.position), (queue, position));
                assert!(position == 0 || heap.nodes[(position - 1) / CHILDREN] < entry);
            }
            assert!(heap.nodes.space() - heap.len < CHUNK);
        }
        let space: u32 = self.heaps.iter().map(|heap| heap.nodes.space()).sum();
        assert_eq!((space + self.spare.space()) / CHUNK, self.chunks as u32);
    }
}

#[test]
fn due_timers_are_popped_in_order_and_no_other_timer_is() {
    let mut queues = TwoQueues::new();
    let ids = [30, 10, 20, 10].map(|due| {
        let id = queues.register();
        queues.enqueue(id, 0, due);
        id
    });
    assert_eq!(queues.first(0), Some(QueueEntry { due: 10, id: ids[1] }));
    let due: Vec<TimerId> = std::iter::from_fn(|| queues.pop_due(0, 20)).map(|entry| entry.id).collect();
    assert_eq!(due, [ids[1], ids[3], ids[2]]);
    assert_eq!(queues.first(0), Some(QueueEntry { due: 30, id: ids[0] }));
    assert_eq!(queues.first(1), None);
}

#[test]
fn a_timer_is_only_in_its_last_queue() {
    let mut queues = TwoQueues::new();
    let id = queues.register();
    queues.enqueue(id, 0, 10);
    queues.enqueue(id, 1, 20);
    assert_eq!((queues.first(0), queues.first(1)), (None, Some(QueueEntry { due: 20, id })));
    queues.dequeue(id);
    queues.dequeue(id);
    assert_eq!(queues.pop_due(1, u64::MAX), None);
}

#[test]
fn unregister_dequeues_the_timer_and_returns_its_value() {
    let mut queues = TwoQueues::new();
    let [id, other] = [queues.register(), queues.register()];
    *queues.value(id) = Some('a');
    queues.enqueue(id, 0, 10);
    assert_eq!(queues.unregister(id), Some('a'));
    assert_eq!(queues.first(0), None);
    assert_eq!(queues.unregister(other), None);
    let again = queues.register();
    assert_eq!(*queues.value(again), None);
}

#[test]
fn the_memory_of_many_timers_is_freed_with_the_last() {
    let mut queues = TwoQueues::new();
    let ids: Vec<TimerId> = (0..10 * CHUNK).map(|_| queues.register()).collect();
    assert_eq!(queues.slots.space(), 10 * CHUNK);
    for id in ids {
        queues.unregister(id);
    }
    assert_eq!(queues.slots.space(), CHUNK);
    let mut again: Vec<TimerId> = (0..2 * CHUNK).map(|_| queues.register()).collect();
    again.dedup();
    assert_eq!((again.len() as u32, queues.slots.space()), (2 * CHUNK, 2 * CHUNK));
}

#[test]
fn timers_are_found_by_their_flags_one_after_another() {
    let mut queues = Queues::<(), bool, 1>::new();
    let ids = [false, true, false, true].map(|marked| {
        let id = queues.register();
        *queues.flags(id) = marked;
        id
    });
    let (first, next) = queues.find_from(0, |&marked| marked).unwrap();
    let (second, end) = queues.find_from(next, |&marked| marked).unwrap();
    assert_eq!([first, second], [ids[1], ids[3]]);
    assert_eq!(queues.find_from(end, |&marked| marked), None);
}

#[test]
fn any_queue_has_space_for_many_timers() {
    let mut queues = Queues::<(), (), 3>::new();
    let ids: Vec<TimerId> = (0..5 * u64::from(CHUNK)).map(|_| queues.register()).collect();
    for round in 0..7 {
        for (number, &id) in ids.iter().enumerate() {
            queues.enqueue(id, (number * round / 2 + round) % 3, (number * 7_919 % 1_000) as u64);
        }
        queues.check();
    }
    for queue in 0..3 {
        let due: Vec<QueueEntry> = std::iter::from_fn(|| queues.pop_due(queue, u64::MAX)).collect();
        assert!(due.windows(2).all(|two| two[0] < two[1]));
    }
    queues.check();
}

#[test]
fn a_slot_takes_16_bytes_and_a_queue_entry_too() {
    let pointer = std::mem::size_of::<usize>();
    assert_eq!(std::mem::size_of::<Slot<Box<u8>, [u8; 2]>>(), 8 + pointer);
    assert!(std::mem::size_of::<QueueEntry>() <= 16);
}

/// The number of chunks that each queue, and the spare ones, have space for.
fn reserved_chunks<const N: usize>(queues: &Queues<(), (), N>) -> Vec<usize> {
    queues.heaps.iter().map(|heap| &heap.nodes).chain([&queues.spare]).map(|nodes| nodes.chunks.capacity()).collect()
}

/// The timer thread moves timers, and must not call the allocator.
#[test]
fn timers_move_to_any_queue_without_an_allocation() {
    let mut queues = Queues::<(), (), 3>::new();
    // Each is in a queue at once, so that there are never many spare chunks before the last loop.
    let register = |due| {
        let id = queues.register();
        queues.enqueue(id, 0, due);
        id
    };
    let chunks = if cfg!(miri) { 3 } else { 20 };
    let ids: Vec<TimerId> = (0..chunks * u64::from(CHUNK)).map(register).collect();
    let reserved = reserved_chunks(&queues);
    for queue in [1, 2] {
        ids.iter().for_each(|&id| queues.enqueue(id, queue, 0));
    }
    ids.iter().for_each(|&id| queues.dequeue(id));
    assert_eq!(reserved_chunks(&queues), reserved);
}

#[test]
fn reserved_chunks_are_added_without_an_allocation() {
    let mut slab = Slab::<u64>::new();
    slab.push(chunk(|| 0));
    slab.reserve(40);
    let reserved = slab.chunks.capacity();
    assert!(reserved >= 40, "{reserved}");
    while slab.chunks.len() < 40 {
        slab.push(chunk(|| 0));
    }
    assert_eq!(slab.chunks.capacity(), reserved);
}
