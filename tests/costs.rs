//! Costs of methods other than system calls: no method allocates, on any backend.

#[path = "common/allocator.rs"]
mod allocator;
#[path = "common/mod.rs"]
mod common;

use allocator::Counting;
use common::{backends_here, open_on};
use portable_timerfd::{Clock, ClockTime, TimerSpec};
use std::time::Duration;

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(body: impl FnOnce()) -> u64 {
    let before = allocator::allocations();
    body();
    allocator::allocations() - before
}

#[test]
fn no_method_allocates() {
    assert_eq!(allocations(|| drop(Box::new(5))), 1, "the counter counts");
    for backend in backends_here() {
        let past = ClockTime::new(Clock::Monotonic, Duration::ZERO);
        let timer = open_on(backend, Clock::Monotonic);
        // The first arming starts the thread and registers the timer in the queues.
        timer.arm_after(Duration::from_secs(3600)).unwrap();
        let count = allocations(|| {
            for round in 0..1000 {
                timer.arm_after(Duration::from_secs(7200) + Duration::from_micros(round)).unwrap();
                timer.get().unwrap();
                assert!(timer.read().is_err());
                timer.set(&TimerSpec::at(past)).unwrap();
                assert_eq!(timer.wait(None).unwrap(), 1);
            }
        });
        assert_eq!(count, 0, "{}", backend.name());
    }
}
