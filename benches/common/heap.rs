//! The system's allocator, which can be asked what is out: with what it needs itself for each piece.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub struct Measured;

/// Off but for where it is asked for, so that it costs nothing where time is measured.
static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// How much more is out after `body` than before it, in bytes.
pub fn growth<T>(body: impl FnOnce() -> T) -> (usize, T) {
    BYTES.store(0, Ordering::SeqCst);
    COUNTS.store(true, Ordering::SeqCst);
    let made = body();
    COUNTS.store(false, Ordering::SeqCst);
    (BYTES.load(Ordering::SeqCst), made)
}

/// Each piece has the size of it before itself.
fn count(place: *mut u8, add: fn(&AtomicUsize, usize, Ordering) -> usize) {
    if COUNTS.load(Ordering::Relaxed) {
        // SAFETY: the place is one that the system's allocator has given, and not yet taken back.
        let usable = unsafe { libc::malloc_usable_size(place.cast()) };
        add(&BYTES, usable + size_of::<usize>(), Ordering::Relaxed);
    }
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Measured {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the promises of `alloc`.
        let place = unsafe { System.alloc(layout) };
        count(place, AtomicUsize::fetch_add);
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(place, AtomicUsize::fetch_sub);
        // SAFETY: the caller keeps the promises of `dealloc`, and the place came from the system's allocator.
        unsafe { System.dealloc(place, layout) }
    }
}
