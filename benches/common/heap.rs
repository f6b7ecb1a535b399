//! The system's allocator with a count of the allocated bytes, including the allocator's overhead.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub struct Measured;

/// Off by default, so that it costs nothing while other benches measure time.
static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// Returns by how many allocated bytes `body` has changed the heap, and its result.
pub fn growth<T>(body: impl FnOnce() -> T) -> (usize, T) {
    BYTES.store(0, Ordering::SeqCst);
    COUNTS.store(true, Ordering::SeqCst);
    let made = body();
    COUNTS.store(false, Ordering::SeqCst);
    (BYTES.load(Ordering::SeqCst), made)
}

/// Adds or subtracts the size of a block.
///
/// The allocator stores the size of a block in the word before it.
fn count(place: *mut u8, add: fn(&AtomicUsize, usize, Ordering) -> usize) {
    if COUNTS.load(Ordering::Relaxed) {
        // SAFETY: the system's allocator has returned the pointer, and the block is not freed yet.
        let usable = unsafe { libc::malloc_usable_size(place.cast()) };
        add(&BYTES, usable + size_of::<usize>(), Ordering::Relaxed);
    }
}

// SAFETY: all calls go to the system's allocator unchanged.
unsafe impl GlobalAlloc for Measured {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller fulfils the contract of `alloc`.
        let place = unsafe { System.alloc(layout) };
        count(place, AtomicUsize::fetch_add);
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(place, AtomicUsize::fetch_sub);
        // SAFETY: the caller fulfils the contract of `dealloc`, and the system's allocator has
        // returned the pointer.
        unsafe { System.dealloc(place, layout) }
    }
}
