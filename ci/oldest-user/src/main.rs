//! Tests what an old Rust most likely fails at: every kind of timer in a generic function; timers
//! in the last destructors of a thread that Rust did not start, after the library's own
//! thread-local values were dropped.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::time::Duration;

use portable_timerfd::{backends, Clock, SimulatedClock, Timer, TimerFd};

struct Last(TimerFd);

fn userspace() -> TimerFd {
    let backend = backends::userspace::BACKEND;
    TimerFd::builder(Clock::Monotonic).backend(backend).open().expect("a timer can be made")
}

/// Starts the timer thread if there is none, wakes it, and waits for it.
fn use_timers(timer: &TimerFd) {
    for delay in [Duration::from_secs(3600), Duration::from_millis(1)] {
        timer.arm_after(delay).expect("a timer can be set");
        drop(userspace());
    }
    assert_eq!(timer.wait(None).expect("it expires"), 1);
}

impl Drop for Last {
    fn drop(&mut self) {
        use_timers(&self.0);
    }
}

thread_local! {
    static EARLY: RefCell<Option<Last>> = RefCell::new(None);
}

extern "C" fn foreign(_: *mut c_void) -> *mut c_void {
    // This value is made before the library's own, so it is dropped after them.
    EARLY.with(|early| *early.borrow_mut() = Some(Last(userspace())));
    let _ = std::thread::current().id();
    null_mut()
}

fn is_armed_after_an_hour<T: Timer>(timer: T) -> bool {
    timer.arm_after(Duration::from_secs(3600)).is_ok() && timer.get().is_ok_and(|setting| setting.is_armed())
}

fn main() {
    let timer = userspace();
    assert!(is_armed_after_an_hour(&timer));
    assert!(is_armed_after_an_hour(timer));
    assert!(is_armed_after_an_hour(Arc::new(userspace())));
    assert!(is_armed_after_an_hour(Box::new(userspace()) as Box<dyn Timer>));
    let simulated = SimulatedClock::new().timer(Clock::Monotonic).expect("a timer can be made");
    assert!(is_armed_after_an_hour(simulated));
    // Before the second round, the timer thread ends.
    for pause in [Duration::ZERO, Duration::from_millis(1500)] {
        std::thread::sleep(pause);
        // SAFETY: a handle is a number or a pointer. Zero is valid until the call below sets it.
        let mut thread: libc::pthread_t = unsafe { std::mem::zeroed() };
        // SAFETY: `foreign` has the type of a thread function, and the thread is joined once.
        unsafe {
            assert_eq!(libc::pthread_create(&mut thread, null(), foreign, null_mut()), 0);
            assert_eq!(libc::pthread_join(thread, null_mut()), 0);
        }
    }
    println!("timers work in the last destructors of a thread");
}
