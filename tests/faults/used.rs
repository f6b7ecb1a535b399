//! Calls that fail while a timer is in use.

use crate::common::{
    assert_counts_by_the_clock, descriptors, errno, raw_read, until_readable, userspace_builder, HOUR,
};
use crate::inject::with_faults;
use nix::libc;
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{backends, Clock, Registered, TimerFd, TimerSpec};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    kernel_errors_are_returned_unchanged,
    wait_survives_interruptions_and_loses_no_count,
    the_timer_thread_survives_interrupted_sleeps,
    a_loop_survives_interruptions,
    an_interrupted_read_is_an_error_and_the_next_one_works,
    a_read_that_fails_loses_nothing,
    a_failed_wait_is_an_error_and_the_next_one_works,
    a_refused_count_arrives_with_the_next_one,
    a_refused_one_shot_count_is_written_after_a_back_off,
    an_interrupted_close_is_not_repeated,
];

const MILLI: Duration = Duration::from_millis(1);

fn on_every_backend(nonblocking: bool) -> impl Iterator<Item = TimerFd> {
    let builder = TimerFd::builder(Clock::Monotonic).nonblocking(nonblocking);
    backends::ALL.iter().map(move |&backend| builder.backend(backend).open().unwrap())
}

fn kernel_errors_are_returned_unchanged() {
    let timer = TimerFd::new(Clock::Monotonic).unwrap();
    timer.set(&TimerSpec::disarmed().every(HOUR)).unwrap();
    let refused = with_faults(&["timerfd_settime:error=ENOMEM", "timerfd_gettime:error=EPERM"], || {
        [errno(timer.arm_after(HOUR)), errno(timer.get()), errno(timer.read())]
    });
    assert_eq!(refused, [libc::ENOMEM, libc::EPERM, libc::EAGAIN].map(Some));
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed().every(HOUR));
}

/// Asserts that the counts of a timer with a period of a millisecond add up to those of the clock.
#[track_caller]
fn assert_adds_up(timer: &TimerFd, read: fn(&TimerFd) -> u64, faults: &[&str]) {
    let first = Clock::Monotonic.now().unwrap() + MILLI;
    timer.set(&TimerSpec::at(first).every(MILLI)).unwrap();
    let sum = with_faults(faults, || (0..50).map(|_| read(timer)).sum::<u64>());
    assert_counts_by_the_clock(Clock::Monotonic, first, MILLI, || sum + timer.wait(None).unwrap());
}

fn waited(timer: &TimerFd) -> u64 {
    timer.wait(None).unwrap()
}

fn raw_count(timer: &TimerFd) -> u64 {
    until_readable(timer);
    raw_read(timer).unwrap()
}

fn wait_survives_interruptions_and_loses_no_count() {
    for timer in on_every_backend(false) {
        assert_adds_up(&timer, waited, &["?poll,ppoll,preadv2:error=EINTR:when=1+2"]);
    }
}

/// The thread sleeps on a futex. It also wakes other threads with one, a call that cannot be
/// interrupted: so the reader uses no lock.
fn the_timer_thread_survives_interrupted_sleeps() {
    for timer in on_every_backend(false) {
        assert_adds_up(&timer, raw_count, &["futex:error=EINTR:when=1+2"]);
    }
}

fn a_loop_survives_interruptions() {
    for timer in on_every_backend(true) {
        let poller = Arc::new(Poller::new().unwrap());
        let timer = Registered::new(&poller, timer, Event::readable(7), PollMode::Level).unwrap();
        timer.arm_every(MILLI).unwrap();
        with_faults(&["?epoll_wait,epoll_pwait,?epoll_pwait2:error=EINTR:when=1+2"], || {
            let mut events = Events::new();
            for _ in 0..20 {
                events.clear();
                while events.is_empty() {
                    poller.wait(&mut events, None).or_else(through_interruptions).unwrap();
                }
                assert!(timer.read().unwrap() >= 1);
            }
        });
    }
}

fn through_interruptions(e: io::Error) -> io::Result<usize> {
    if e.kind() == io::ErrorKind::Interrupted {
        Ok(0)
    } else {
        Err(e)
    }
}

fn an_interrupted_read_is_an_error_and_the_next_one_works() {
    for timer in on_every_backend(false) {
        timer.arm_after(HOUR).unwrap();
        let refused = with_faults(&["read:error=EINTR:when=1"], || errno(timer.read()));
        assert_eq!(refused, Some(libc::EINTR), "{timer:?}");
        timer.arm_after(MILLI).unwrap();
        assert_eq!(timer.read().unwrap(), 1);
    }
}

fn a_read_that_fails_loses_nothing() {
    for timer in on_every_backend(true) {
        timer.arm_after(Duration::ZERO).unwrap();
        until_readable(&timer);
        let failing = ["read,preadv2:error=EIO"];
        let refused = with_faults(&failing, || [timer.read(), timer.try_read(), timer.wait(None)].map(errno));
        assert_eq!(refused, [Some(libc::EIO); 3], "{timer:?}");
        assert_eq!(timer.read().unwrap(), 1, "{timer:?}");
    }
}

fn a_failed_wait_is_an_error_and_the_next_one_works() {
    for timer in on_every_backend(true) {
        timer.arm_after(HOUR).unwrap();
        let (waited, left) = with_faults(&["?poll,ppoll:error=ENOMEM"], || (timer.wait(None), timer.get()));
        assert_eq!(errno(waited), Some(libc::ENOMEM));
        assert!(left.unwrap().is_armed());
        timer.arm_after(MILLI).unwrap();
        assert_eq!(timer.wait(None).unwrap(), 1);
    }
}

/// A pipe may refuse a write for want of memory.
fn a_refused_count_arrives_with_the_next_one() {
    for error in ["EAGAIN", "EINTR", "ENOMEM"] {
        let timer = userspace_builder(Clock::Monotonic).open().unwrap();
        assert_adds_up(&timer, waited, &[&format!("write:error={error}:when=3+5")]);
    }
}

/// No later expiration could bring the count along.
fn a_refused_one_shot_count_is_written_after_a_back_off() {
    let timer = userspace_builder(Clock::Monotonic).open().unwrap();
    with_faults(&["write:error=ENOMEM:when=1"], || {
        timer.arm_after(Duration::ZERO).unwrap();
        until_readable(&timer);
    });
    assert_eq!(timer.read().unwrap(), 1);
}

static CLOSE_IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);
static CLOSED: AtomicU64 = AtomicU64::new(0);
static CLOSED_TWICE: AtomicU64 = AtomicU64::new(0);

/// The C library's `close`, except that a test can request Linux's behaviour on an interruption:
/// the descriptor is closed nevertheless.
#[no_mangle]
pub extern "C" fn close(fd: libc::c_int) -> libc::c_int {
    // SAFETY: the caller gives up the descriptor.
    if unsafe { libc::syscall(libc::SYS_close, fd) } != 0 {
        CLOSED_TWICE.fetch_add(1, Ordering::Relaxed);
        return -1;
    }
    CLOSED.fetch_add(1, Ordering::Relaxed);
    if CLOSE_IS_INTERRUPTED.load(Ordering::Relaxed) {
        nix::errno::Errno::EINTR.set();
        return -1;
    }
    0
}

fn an_interrupted_close_is_not_repeated() {
    let before = descriptors();
    let timers: Vec<TimerFd> = on_every_backend(true).collect();
    let opened = (descriptors().len() - before.len()) as u64;
    for timer in &timers {
        timer.arm_every(MILLI).unwrap();
    }
    CLOSE_IS_INTERRUPTED.store(true, Ordering::Relaxed);
    let closed = CLOSED.load(Ordering::Relaxed);
    drop(timers);
    assert_eq!(CLOSED.load(Ordering::Relaxed) - closed, opened);
    CLOSE_IS_INTERRUPTED.store(false, Ordering::Relaxed);
    assert_eq!(CLOSED_TWICE.load(Ordering::Relaxed), 0);
    assert_eq!(descriptors(), before);
}
