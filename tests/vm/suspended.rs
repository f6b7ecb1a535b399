//! Suspends are slow. So all cases first prepare their timers, on every backend. Then the machine
//! sleeps once for each of the alarm clocks that can wake it.

use crate::machine::suspend_to_ram;
use crate::suspend;
use crate::test_backend::TestBackend;
use portable_timerfd::{backends, Backend, Clock, ClockTime};
use std::collections::HashMap;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// The check after the resume.
pub type Check = Box<dyn FnOnce(&Slept) + Send>;

/// A case: its name, and the function that prepares its timers on one backend.
pub type Case = (&'static str, fn(&TestBackend, &Alarm) -> Check);

/// The alarm that will wake the machine.
pub struct Alarm {
    pub clock: Clock,
    pub time: ClockTime,
}

/// The time until the alarm. Linux does not suspend if an alarm is due in less than two seconds.
const AHEAD: Duration = Duration::from_secs(6);

/// How the machine has slept.
#[derive(Clone, Copy)]
pub struct Slept {
    /// The part of the sleep that the monotonic clock does not count.
    pub long: Duration,
    /// The time at the resume, by the alarm's clock.
    pub until: ClockTime,
}

/// The checks that remain after a sleep, by backend and case.
struct Sleep {
    slept: Slept,
    prepared: HashMap<(&'static str, &'static str), thread::Result<Check>>,
}

/// Runs the check of a case after the sleep that this clock ends. The first call lets the machine
/// sleep.
pub fn check_after_sleep(clock: Clock, backend: Backend, case: &'static str) {
    static LAST: Mutex<Option<(Clock, Sleep)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap();
    let sleep = match last.take() {
        Some((until, sleep)) if until == clock => sleep,
        _ => sleep_until(clock),
    };
    let (_, sleep) = last.insert((clock, sleep));
    let (slept, prepared) = (sleep.slept, sleep.prepared.remove(&(backend.name(), case)).unwrap());
    drop(last);
    prepared.unwrap_or_else(|panic| resume_unwind(panic))(&slept);
}

/// Does the same with a simulated machine, which sleeps for each case.
pub fn check_simulated(clock: Clock, prepare: fn(&TestBackend, &Alarm) -> Check) {
    let backend = TestBackend::simulated();
    let alarm = Alarm { clock, time: backend.now(clock) + AHEAD };
    let check = prepare(&backend, &alarm);
    let wakes = backend.open_on(clock);
    wakes.arm_at(alarm.time).unwrap();
    let long = backend.simulated.as_ref().unwrap().suspend(2 * AHEAD);
    check(&Slept { long, until: backend.now(clock) });
}

fn sleep_until(clock: Clock) -> Sleep {
    let alarm = Alarm { clock, time: clock.now().unwrap() + AHEAD };
    let mut prepared = HashMap::new();
    for &backend in backends::ALL {
        for &(name, prepare) in suspend::CASES {
            prepared.insert((backend.name(), name), catch_unwind(|| prepare(&TestBackend::real(backend), &alarm)));
        }
    }
    let before = unknown_to_the_monotonic_clock();
    suspend_to_ram();
    let until = clock.now().unwrap();
    let slept = Slept { long: unknown_to_the_monotonic_clock() - before, until };
    assert!(slept.long >= Duration::from_secs(1), "it did not sleep: {:?}", slept.long);
    Sleep { slept, prepared }
}

fn unknown_to_the_monotonic_clock() -> Duration {
    let monotonic = Clock::Monotonic.now().unwrap().since_zero();
    Clock::Boottime.now().unwrap().since_zero() - monotonic
}
