//! What a method costs beside its system calls: no allocation, on any backend.
// It is const already; on systems without native thread-locals the lint does not see it.
#![allow(clippy::missing_const_for_thread_local)]

use portable_timerfd::{backends, Clock, Timer, TimerFd, TimerSpec};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

/// The system's allocator, counting what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`, and the place came from the system's allocator.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(body: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    body();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn no_method_allocates() {
    assert_eq!(allocations(|| drop(Box::new(5))), 1, "the counter counts");
    for backend in backends::ALL {
        let timer = TimerFd::builder(Clock::Monotonic).backend(backend).open().unwrap();
        // The first arming starts the thread and makes its place in the agenda.
        timer.arm_after(Duration::from_secs(3600)).unwrap();
        let count = allocations(|| {
            for round in 0..1000 {
                timer.arm_after(Duration::from_secs(7200) + Duration::from_micros(round)).unwrap();
                timer.gettime().unwrap();
                assert!(timer.read().is_err());
                timer.settime(&TimerSpec::at(Duration::ZERO)).unwrap();
                assert_eq!(timer.wait(None).unwrap(), 1);
            }
        });
        assert_eq!(count, 0, "{}", backend.name());
    }
}
