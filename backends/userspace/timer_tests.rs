//! What the timer thread does while another thread holds the lock of a timer, or after its user has
//! dropped it.

use super::super::fd_only::registry::FdOnly;
use super::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MS: Duration = Duration::from_millis(1);

fn timer() -> UserspaceTimer {
    UserspaceTimer::new(Clock::Monotonic, CreateFlags::default()).unwrap()
}

/// Waits, without a call on the timer, until the timer thread has written to its pipe.
fn until_readable(timer: &UserspaceTimer) {
    assert!(sys::fd::wait_readable(timer.as_fd(), None::<sync::Instant>).unwrap());
}

/// A thread that calls `set` or `get` in a loop holds the timer's lock nearly all the time.
/// This one holds it from before its timer is due until another timer has expired five times. If
/// the timer thread waited for the lock, the other timer would never be readable.
#[test]
fn a_locked_timer_delays_no_other_timer() {
    let (busy, other) = (timer(), timer());
    // Starts the timer thread.
    busy.set(&TimerSpec::after(3_600_000 * MS)).unwrap();
    let mut state = busy.shared.lock_settled();
    busy.shared.apply(&mut state, Clock::Monotonic, &TimerSpec::after(MS).every(MS), 0).unwrap();
    for _ in 0..5 {
        other.set(&TimerSpec::after(MS)).unwrap();
        until_readable(&other);
        assert_eq!(other.read().unwrap(), 1);
    }
    let is_readable = sys::fd::wait_readable(busy.as_fd(), Some(sync::Instant::now())).unwrap();
    assert!(!is_readable, "the timer thread cannot have the lock");
    drop(state);
    until_readable(&busy);
    assert!(busy.read().unwrap() >= 5);
}

/// The same for a clock change: the timer thread tries again later.
#[test]
fn a_clock_change_is_not_processed_while_the_timer_is_locked() {
    let timer = timer();
    let state = timer.shared.lock();
    assert!(!Process::process_clock_change(&timer.shared, 1));
    drop(state);
    assert!(Process::process_clock_change(&timer.shared, 1));
}

/// A sweep leaves a locked timer alone, since a call by its descriptor uses it.
#[test]
fn a_locked_timer_is_not_checked_by_a_sweep() {
    let timer = timer();
    let state = timer.shared.lock();
    assert!(FdOnly::check(&*timer.shared, 3).is_none());
    drop(state);
    assert!(FdOnly::check(&*timer.shared, 3).is_some());
}

#[test]
fn a_dropped_timer_leaves_nothing_in_the_thread() {
    for clock in [Clock::Monotonic, Clock::Realtime] {
        for again in [false, true] {
            let timer = UserspaceTimer::new(clock, CreateFlags::default()).unwrap();
            let later = clock.now().unwrap() + HOUR;
            timer.set(&TimerSpec::at(later).cancel_on_set()).unwrap();
            if again {
                timer.set(&TimerSpec::after(2 * HOUR)).unwrap();
            }
            let shared = Arc::downgrade(&timer.shared);
            drop(timer);
            // The timer thread may have taken the timer from a queue before the drop. If the timer
            // stayed in the thread, this would never end.
            while shared.strong_count() > 0 {
                std::thread::yield_now();
            }
        }
    }
}

/// As when the user drops a timer after the thread has taken it from its queue.
#[test]
fn processing_a_dropped_timer_does_nothing() {
    let timer = UserspaceTimer::new(Clock::Monotonic, CreateFlags::default()).unwrap();
    timer.set(&TimerSpec::after(HOUR).every(HOUR)).unwrap();
    let shared = Arc::clone(&timer.shared);
    drop(timer);
    assert!(Process::process(&shared, 0));
    assert_eq!(Arc::strong_count(&shared), 1, "it is in no queue");
}
