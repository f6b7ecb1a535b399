//! The timer thread never calls the allocator, for no kind of timer.

use crate::calls;
use crate::common::{assert_canceled, descriptors, userspace_builder, HOUR};
use nix::libc::{c_int, c_long, clockid_t, syscall, timespec, SYS_clock_gettime, CLOCK_REALTIME};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{Accuracy, Clock, CreateFlags, TimerFd, TimerSpec};
use std::collections::BTreeSet;
use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

crate::cases![
    other_threads_are_counted,
    timers_that_expire_once_need_no_memory,
    periodic_timers_that_are_read_need_no_memory,
    periodic_timers_that_stay_unread_need_no_memory,
    timers_of_every_accuracy_need_no_memory,
    timers_dropped_while_the_thread_has_them_need_no_memory,
    wall_clock_timers_and_clock_changes_need_no_memory,
    raw_timers_and_their_ends_need_no_memory,
];

/// The number of seconds by which a case has set the wall clock forward, for this process only.
static SET_FORWARD: AtomicI32 = AtomicI32::new(0);

/// # Safety
///
/// As the C library's: `time` is valid for writes.
#[no_mangle]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the caller keeps the promise that `time` is valid for writes.
    unsafe {
        let result = syscall(SYS_clock_gettime, clock, time);
        if result == 0 && clock == CLOCK_REALTIME {
            (*time).tv_sec += c_long::from(SET_FORWARD.load(Ordering::SeqCst));
        }
        result as c_int
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const MICROSECOND: Duration = Duration::from_micros(1);

fn open_on(clock: Clock) -> TimerFd {
    userspace_builder(clock).open().unwrap()
}

fn open() -> TimerFd {
    open_on(Clock::Monotonic)
}

fn every(timer: &TimerFd, period: Duration) {
    timer.set(&TimerSpec::after(period).every(period)).unwrap();
}

/// Opens 3,000 timers, or as many as the descriptor limit allows.
fn crowd() -> Vec<TimerFd> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    (0..hard.saturating_sub(100).min(6_000) / 2).map(|_| open()).collect()
}

/// Returns once the timer thread has processed a timer that is due after all others that are due
/// now.
fn until_the_thread_has_come_by() {
    let timer = open();
    timer.arm_after(2 * MILLISECOND).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

/// Panics if the timer thread makes a call to the allocator during the scenario.
fn assert_no_call(scenario: fn()) {
    calls::own_this_thread();
    let before = calls::of_others();
    let _stays = open();
    until_the_thread_has_come_by();
    assert_eq!(calls::of_others() - before, 0, "calls to the allocator at the start of the timer thread");
    scenario();
    until_the_thread_has_come_by();
    assert_eq!(calls::of_others() - before, 0, "calls to the allocator on the timer thread");
}

fn other_threads_are_counted() {
    calls::own_this_thread();
    drop(Box::new(5));
    let before = calls::of_others();
    std::thread::spawn(|| drop(Box::new(5))).join().unwrap();
    assert!(calls::of_others() - before >= 2);
}

fn timers_that_expire_once_need_no_memory() {
    assert_no_call(|| {
        let timers = crowd();
        let goal = Clock::Monotonic.now().unwrap() + 20 * MILLISECOND;
        for (number, timer) in (0..).zip(&timers) {
            timer.arm_after(HOUR).unwrap();
            // Many timers are due at the same time, and many at different times.
            timer.arm_at(goal + MICROSECOND * (number % 100)).unwrap();
        }
        timers.iter().for_each(|timer| assert_eq!(timer.wait(None).unwrap(), 1));
    });
}

fn periodic_timers_that_are_read_need_no_memory() {
    assert_no_call(|| {
        let timers: Vec<TimerFd> = (0..100).map(|_| open()).collect();
        timers.iter().for_each(|timer| every(timer, MILLISECOND));
        for timer in timers.iter().cycle().take(1_000) {
            assert!(timer.wait(None).unwrap() > 0);
        }
    });
}

fn periodic_timers_that_stay_unread_need_no_memory() {
    assert_no_call(|| {
        let timers = crowd();
        for (number, timer) in (1..).zip(&timers) {
            every(timer, MICROSECOND * number);
        }
        // While its count stays unread, a timer is in another queue. The next timer expires during
        // many refreshes.
        (0..10).for_each(|_| until_the_thread_has_come_by());
        timers.iter().for_each(|timer| timer.disarm().unwrap());
    });
}

fn timers_of_every_accuracy_need_no_memory() {
    assert_no_call(|| {
        let open = |accuracy| userspace_builder(Clock::Monotonic).accuracy(accuracy).open().unwrap();
        let timers: Vec<TimerFd> = Accuracy::ALL.iter().copied().cycle().take(30).map(open).collect();
        for round in 0..20 {
            for (number, timer) in (0..).zip(&timers) {
                // Some timers are postponed while the thread spins for them.
                timer.arm_after(MILLISECOND + MICROSECOND * 20 * (number + round)).unwrap();
                timer.arm_after(MILLISECOND + MICROSECOND * 30 * (number + round)).unwrap();
            }
            timers.iter().for_each(|timer| assert_eq!(timer.wait(None).unwrap(), 1));
        }
    });
}

/// The thread often processes a timer while its owner drops it.
fn timers_dropped_while_the_thread_has_them_need_no_memory() {
    assert_no_call(|| {
        for round in 0..3_000 {
            let timers = [open(), open()];
            timers.iter().for_each(|timer| every(timer, MICROSECOND * (20 + round % 50)));
            let mut shown = [PollFd::new(timers[0].as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut shown, PollTimeout::NONE).unwrap(), 1);
        }
    });
}

fn wall_clock_timers_and_clock_changes_need_no_memory() {
    assert_no_call(|| {
        let timers: Vec<TimerFd> = (0..200).map(|_| open_on(Clock::Realtime)).collect();
        for round in 1..=3 {
            for timer in &timers {
                let later = Clock::Realtime.now().unwrap() + HOUR;
                timer.set(&TimerSpec::at(later).cancel_on_set()).unwrap();
            }
            until_the_thread_has_come_by();
            SET_FORWARD.store(60 * round, Ordering::SeqCst);
            for timer in &timers {
                let mut shown = [PollFd::new(timer.as_fd(), PollFlags::POLLIN)];
                assert_eq!(poll(&mut shown, PollTimeout::NONE).unwrap(), 1);
                assert_canceled(timer.read());
            }
        }
    });
}

/// Returns the file behind this descriptor.
fn name(number: RawFd) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default()
}

/// Closes these descriptors, and returns once the timer thread has closed the library's ends of
/// their pipes.
fn close_until_their_ends_are_noticed(timers: Vec<RawFd>) {
    let names: BTreeSet<PathBuf> = timers.iter().copied().map(name).collect();
    // SAFETY: the numbers are of descriptors that no other code uses.
    timers.into_iter().for_each(|timer| drop(unsafe { OwnedFd::from_raw_fd(timer) }));
    while descriptors().into_iter().any(|number| names.contains(&name(number))) {
        std::thread::sleep(MILLISECOND);
    }
}

/// The thread sweeps the timers a second after the last one was made.
fn raw_timers_and_their_ends_need_no_memory() {
    assert_no_call(|| {
        let timers: Vec<RawFd> = (0..200)
            .map(|_| RawTimer::create(Clock::Realtime, CreateFlags::default()).unwrap().into_raw_fd())
            .collect();
        let later = Clock::Realtime.now().unwrap() + HOUR;
        let specs = [
            TimerSpec::disarmed(),
            TimerSpec::after(MILLISECOND),
            TimerSpec::after(MILLISECOND).every(MILLISECOND),
            TimerSpec::at(later).cancel_on_set(),
        ];
        for (timer, spec) in timers.iter().zip(specs.iter().cycle()) {
            RawTimer::find(*timer).unwrap().settime(spec).unwrap();
        }
        close_until_their_ends_are_noticed(timers);
    });
}
