//! Storage for numbered values, in chunks that never move: growing copies no value.

use std::ops::{Index, IndexMut};

/// The number of values in a chunk.
pub(super) const CHUNK: u32 = 64;

pub(super) type Chunk<V> = Box<[V; CHUNK as usize]>;

pub(super) fn chunk<V>(mut new: impl FnMut() -> V) -> Chunk<V> {
    Box::new(std::array::from_fn(|_| new()))
}

/// Values by their numbers, from 0 on.
pub(super) struct Slab<V> {
    chunks: Vec<Chunk<V>>,
}

impl<V> Slab<V> {
    pub(super) const fn new() -> Slab<V> {
        Slab { chunks: Vec::new() }
    }

    /// The number of values that there is space for.
    pub(super) fn space(&self) -> u32 {
        self.chunks.len() as u32 * CHUNK
    }

    /// Allocates what it takes to [`push`](Slab::push) chunks until there are so many.
    pub(super) fn reserve(&mut self, chunks: usize) {
        self.chunks.reserve(chunks.saturating_sub(self.chunks.len()));
    }

    /// Adds a chunk.
    pub(super) fn push(&mut self, chunk: Chunk<V>) {
        self.chunks.push(chunk);
    }

    /// Removes the last chunk.
    pub(super) fn pop(&mut self) -> Option<Chunk<V>> {
        self.chunks.pop()
    }

    /// Frees all chunks except the first, and the space that was reserved.
    pub(super) fn shrink(&mut self) {
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
mod tests {
    use super::*;

    impl<V> Slab<V> {
        /// The number of chunks that can be there without another allocation.
        pub(in super::super) fn reserved(&self) -> usize {
            self.chunks.capacity()
        }
    }

    #[test]
    fn reserved_chunks_are_added_without_an_allocation() {
        let mut slab = Slab::<u64>::new();
        slab.push(chunk(|| 0));
        slab.reserve(40);
        let reserved = slab.reserved();
        assert!(reserved >= 40, "{reserved}");
        while slab.chunks.len() < 40 {
            slab.push(chunk(|| 0));
        }
        assert_eq!(slab.reserved(), reserved);
    }
}
