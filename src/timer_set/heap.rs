//! The heaps of a set: one for each time base, both in one array.
//!
//! Each node has up to eight children. The first heap grows from the start of the array, the
//! second one from its end. An entry is in at most one of them, so an array of one node for each
//! slot is enough for both.
//!
//! A node may be *early*: its time is before the deadline of its entry. Re-arming an entry to a
//! later time only writes the deadline. The node moves when it comes to the top.

use std::ops::Range;

use super::base::Base;
use super::slots::{Place, Slot};

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) time: u64,
    pub(super) slot: u32,
}

const BLANK: Node = Node { time: 0, slot: 0 };

const CHILDREN: u32 = 8;

#[derive(Debug)]
pub(super) struct Heaps {
    nodes: Vec<Node>,
    /// The number of nodes of each base.
    lens: [u32; 2],
}

impl Heaps {
    pub(super) const fn new() -> Heaps {
        Heaps { nodes: Vec::new(), lens: [0; 2] }
    }

    /// Allocates memory for this number of nodes. If that fails, nothing changes.
    pub(super) fn grow(&mut self, capacity: usize) -> Result<(), std::collections::TryReserveError> {
        let before = self.nodes.len();
        let by_wall = self.len(Base::Wall) as usize;
        self.nodes.try_reserve_exact(capacity.saturating_sub(before))?;
        self.nodes.resize(capacity.max(before), BLANK);
        let end = self.nodes.len();
        self.nodes.copy_within(before - by_wall..before, end - by_wall);
        Ok(())
    }

    /// Forgets all nodes.
    pub(super) fn clear(&mut self) {
        self.lens = [0; 2];
    }

    /// Returns the number of nodes in a heap.
    #[inline]
    pub(super) fn len(&self, base: Base) -> u32 {
        self.lens[base as usize]
    }

    /// Returns the first node of a heap.
    #[inline]
    pub(super) fn first(&self, base: Base) -> Option<Node> {
        (self.len(base) > 0).then(|| self.node(base, 0))
    }

    pub(super) fn push(&mut self, base: Base, node: Node, slots: &mut [Slot]) {
        let last = self.len(base);
        self.lens[base as usize] = last + 1;
        self.sift_up(base, last, node, slots);
    }

    /// Removes the node at a position.
    pub(super) fn remove(&mut self, base: Base, position: u32, slots: &mut [Slot]) {
        let end = self.len(base) - 1;
        self.lens[base as usize] = end;
        if position != end {
            let last = self.node(base, end);
            self.replace(base, position, last, slots);
        }
    }

    /// Changes the time of the node at a position.
    pub(super) fn set_time(&mut self, base: Base, position: u32, time: u64, slots: &mut [Slot]) {
        let node = Node { time, ..self.node(base, position) };
        self.replace(base, position, node, slots);
    }

    /// Sets the time of each node to the deadline of its entry, and restores the heap. This takes
    /// linear time.
    pub(super) fn correct_all(&mut self, base: Base, slots: &mut [Slot]) {
        for position in 0..self.len(base) {
            let index = self.index(base, position);
            let node = &mut self.nodes[index];
            node.time = slots[node.slot as usize].deadline;
        }
        self.order_all(base, slots);
    }

    /// Removes all nodes of entries that are due, and returns them in order. This takes the time of
    /// a sort.
    pub(super) fn take_due(&mut self, base: Base, now: u64, slots: &mut [Slot]) -> &[Node] {
        let (len, mut kept) = (self.len(base), 0);
        for position in 0..len {
            let Node { slot, .. } = self.node(base, position);
            let node = Node { time: slots[slot as usize].deadline, slot };
            let index = self.index(base, position);
            self.nodes[index] = node;
            if node.time > now {
                self.nodes[index] = self.node(base, kept);
                self.put(base, kept, node, slots);
                kept += 1;
            }
        }
        self.lens[base as usize] = kept;
        self.order_all(base, slots);
        let (kept, len, end) = (kept as usize, len as usize, self.nodes.len());
        let due = match base {
            Base::Steady => kept..len,
            Base::Wall => end - len..end - kept,
        };
        let due = &mut self.nodes[due];
        due.sort_unstable_by_key(|node| (node.time, slots[node.slot as usize].insertion));
        due
    }

    /// Restores the order of the heap. This takes linear time.
    fn order_all(&mut self, base: Base, slots: &mut [Slot]) {
        let parents = (self.len(base) + CHILDREN - 2) / CHILDREN;
        for position in (0..parents).rev() {
            let node = self.node(base, position);
            self.sift_down(base, position, node, slots);
        }
    }

    /// Returns the node at a position.
    #[inline]
    pub(super) fn node(&self, base: Base, position: u32) -> Node {
        self.nodes[self.index(base, position)]
    }

    /// Puts a node in the place of another one, and moves it to where it belongs.
    fn replace(&mut self, base: Base, position: u32, node: Node, slots: &mut [Slot]) {
        if position > 0 && is_before(node, self.node(base, (position - 1) / CHILDREN), slots) {
            self.sift_up(base, position, node, slots);
        } else {
            self.sift_down(base, position, node, slots);
        }
    }

    fn sift_up(&mut self, base: Base, mut position: u32, node: Node, slots: &mut [Slot]) {
        while position > 0 {
            let above = (position - 1) / CHILDREN;
            let parent = self.node(base, above);
            if !is_before(node, parent, slots) {
                break;
            }
            self.put(base, position, parent, slots);
            position = above;
        }
        self.put(base, position, node, slots);
    }

    fn sift_down(&mut self, base: Base, mut position: u32, node: Node, slots: &mut [Slot]) {
        while let Some((below, child)) = self.first_child(base, position, slots) {
            if !is_before(child, node, slots) {
                break;
            }
            self.put(base, position, child, slots);
            position = below;
        }
        self.put(base, position, node, slots);
    }

    /// Returns the child that is due first, and its position.
    ///
    /// Compares only times at first, because that takes no branch and loads no slot.
    #[inline]
    fn first_child(&self, base: Base, position: u32, slots: &[Slot]) -> Option<(u32, Node)> {
        let begin = position.checked_mul(CHILDREN)?.checked_add(1)?;
        let end = self.len(base).min(begin.saturating_add(CHILDREN));
        let mut children = (begin..end).map(|child| (child, self.node(base, child)));
        let (mut first, mut may_be_equal) = (children.next()?, false);
        for child in children {
            may_be_equal |= child.1.time == first.1.time;
            first = if child.1.time < first.1.time { child } else { first };
        }
        if may_be_equal {
            return self.first_in_order(base, begin..end, slots);
        }
        Some(first)
    }

    #[cold]
    fn first_in_order(&self, base: Base, positions: Range<u32>, slots: &[Slot]) -> Option<(u32, Node)> {
        let nodes = positions.map(|position| (position, self.node(base, position)));
        nodes.min_by_key(|(_, node)| (node.time, slots[node.slot as usize].insertion))
    }

    #[inline]
    fn index(&self, base: Base, position: u32) -> usize {
        match base {
            Base::Steady => position as usize,
            Base::Wall => self.nodes.len() - 1 - position as usize,
        }
    }

    /// Writes a node, and its position into its slot.
    #[inline]
    fn put(&mut self, base: Base, position: u32, node: Node, slots: &mut [Slot]) {
        let index = self.index(base, position);
        self.nodes[index] = node;
        slots[node.slot as usize].place = Place::in_heap(base, position);
    }
}

/// Returns whether a node comes before another one: by time, then by insertion.
///
/// The insertion number of an entry is constant. So an early node, which is compared by its own
/// time, keeps the heap valid.
#[inline]
fn is_before(node: Node, other: Node, slots: &[Slot]) -> bool {
    node.time < other.time
        || (node.time == other.time && slots[node.slot as usize].insertion < slots[other.slot as usize].insertion)
}

#[cfg(all(test, feature = "proptest"))]
impl Heaps {
    /// Checks the positions, the order of the heap, and that no node is after its deadline.
    pub(super) fn check<'a>(&self, base: Base, slot: impl Fn(u32) -> &'a Slot) {
        assert!(self.lens.iter().map(|&len| len as usize).sum::<usize>() <= self.nodes.len());
        let key = |node: Node| (node.time, slot(node.slot).insertion);
        for position in 0..self.len(base) {
            let node = self.node(base, position);
            assert_eq!(slot(node.slot).place, Place::in_heap(base, position));
            assert!(node.time <= slot(node.slot).deadline);
            assert!(position == 0 || key(self.node(base, (position - 1) / CHILDREN)) < key(node));
        }
    }
}
