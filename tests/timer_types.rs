//! The types that are timers: concrete timers, references, boxes, `Arc`s, and a user's own type.

use portable_timerfd::{backends, Clock, ClockTime, Pollable, Registered, SimulatedClock, Timer, TimerFd, TimerSpec};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Calls each method of the trait once, without the concrete type.
fn exercise<T: Timer>(timer: T) {
    let clock = timer.clock();
    timer.set(&TimerSpec::after(HOUR)).unwrap();
    assert!(timer.replace(&TimerSpec::disarmed()).unwrap().is_armed());
    assert!(!timer.get().unwrap().is_armed());
    timer.arm_after(HOUR).unwrap();
    timer.arm_every(HOUR).unwrap();
    assert_eq!(timer.get().unwrap().interval(), HOUR);
    timer.disarm().unwrap();
    assert_eq!(timer.read().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(timer.try_read().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(timer.wait(Some(Duration::ZERO)).unwrap_err().kind(), io::ErrorKind::TimedOut);
    timer.arm_at(timer.now(clock).unwrap()).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
    assert!(timer.as_pollable().as_raw_fd() >= 0);
}

fn timer() -> TimerFd {
    TimerFd::new(Clock::Monotonic).unwrap()
}

#[test]
fn a_generic_function_accepts_every_kind_of_timer() {
    let mut borrowed = timer();
    exercise(&borrowed);
    exercise(&mut borrowed);
    assert!(!borrowed.get().unwrap().is_armed());
    exercise(timer());
    exercise(Arc::new(timer()));
    exercise(Box::new(timer()));
    exercise(Box::new(timer()) as Box<dyn Timer>);
    exercise(Arc::new(timer()) as Arc<dyn Timer>);
    exercise(&timer() as &dyn Timer);
    exercise(Box::new(Arc::new(timer())));
    exercise(SimulatedClock::new().timer(Clock::Boottime).unwrap());
    exercise(backends::userspace::UserspaceTimer::new(Clock::Realtime, Default::default()).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_generic_function_accepts_a_kernel_timer() {
    match backends::kernel::KernelTimer::new(Clock::Monotonic, Default::default()) {
        Ok(timer) => exercise(timer),
        Err(e) => assert_eq!(e.kind(), io::ErrorKind::Unsupported),
    }
}

/// The trait `Timer` is not imported here, so every method is an inherent one.
mod without_the_trait {
    use portable_timerfd::backends::{kernel::KernelTimer, userspace::UserspaceTimer};
    use portable_timerfd::{Clock, ClockTime, SimulatedTimer, TimerFd, TimerSpec};
    use std::io::Result;
    use std::time::Duration;

    #[test]
    fn timers_have_all_methods() {
        macro_rules! check {
            ($($timer:ty),*) => { $(
                let _: fn(&$timer) -> Clock = <$timer>::clock;
                let _: fn(&$timer, &TimerSpec) -> Result<()> = <$timer>::set;
                let _: fn(&$timer, &TimerSpec) -> Result<TimerSpec> = <$timer>::replace;
                let _: fn(&$timer) -> Result<TimerSpec> = <$timer>::get;
                let _: fn(&$timer, Duration) -> Result<()> = <$timer>::arm_after;
                let _: fn(&$timer, ClockTime) -> Result<()> = <$timer>::arm_at;
                let _: fn(&$timer, Duration) -> Result<()> = <$timer>::arm_every;
                let _: fn(&$timer) -> Result<()> = <$timer>::disarm;
                let _: fn(&$timer) -> Result<u64> = <$timer>::read;
                let _: fn(&$timer) -> Result<u64> = <$timer>::try_read;
                let _: fn(&$timer, Option<Duration>) -> Result<u64> = <$timer>::wait;
                let _: fn(&$timer, Clock) -> Result<ClockTime> = <$timer>::now;
            )* };
        }
        check!(TimerFd, SimulatedTimer, KernelTimer, UserspaceTimer);
    }
}

/// A user's timer, which counts the calls of `set`.
#[derive(Debug)]
struct Counted {
    timer: TimerFd,
    sets: AtomicUsize,
}

impl Pollable for Counted {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

impl Timer for Counted {
    fn clock(&self) -> Clock {
        self.timer.clock()
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        self.timer.now(clock)
    }

    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.timer.replace(new)
    }

    fn get(&self) -> io::Result<TimerSpec> {
        self.timer.get()
    }

    fn read(&self) -> io::Result<u64> {
        self.timer.read()
    }

    fn set(&self, new: &TimerSpec) -> io::Result<()> {
        self.sets.fetch_add(1, Ordering::Relaxed);
        self.timer.set(new)
    }
}

fn counted() -> Counted {
    Counted { timer: timer(), sets: AtomicUsize::new(0) }
}

#[test]
fn a_pointer_forwards_to_the_methods_that_a_type_implements_itself() {
    let counted = Arc::new(counted());
    exercise(Arc::clone(&counted));
    exercise(Box::new(Arc::clone(&counted)) as Box<dyn Timer>);
    // `set`, `arm_after`, `arm_every`, `disarm` and `arm_at`, twice.
    assert_eq!(counted.sets.load(Ordering::Relaxed), 10);
}

#[test]
fn any_timer_can_be_registered_in_a_polling_loop() {
    use polling::{Event, Events, PollMode, Poller};
    let poller = Arc::new(Poller::new().unwrap());
    let own: Box<dyn Timer> = Box::new(counted());
    let own = Registered::new_pollable(&poller, own, Event::readable(7), PollMode::Oneshot).unwrap();
    own.arm_after(Duration::ZERO).unwrap();
    let mut events = Events::new();
    while events.is_empty() {
        poller.wait(&mut events, None).unwrap();
    }
    assert_eq!(events.iter().next().unwrap().key, 7);
    own.modify(Event::readable(8), PollMode::Oneshot).unwrap();
    while poller.wait(&mut events, None).unwrap() == 0 {}
    assert!(events.iter().any(|event| event.key == 8));
    assert_eq!(own.into_inner().unwrap().read().unwrap(), 1);
}

#[test]
fn a_timer_crosses_an_unwind_boundary() {
    let timer = timer();
    let read = std::panic::catch_unwind(|| timer.try_read()).unwrap();
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
}
