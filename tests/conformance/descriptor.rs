//! The descriptor: its flags, reads, duplicates, and waiting for it.

use crate::support::*;
use crate::test_backend::TestBackend;
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use portable_timerfd::{Clock, CreateFlags, TimerSpec};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

crate::cases![
    the_flags_asked_for_are_on_the_descriptor,
    an_unread_periodic_timer_becomes_readable_again_and_again,
    a_raw_read_gives_the_count,
    a_late_raw_read_returns_the_whole_count,
    a_raw_read_fills_eight_bytes_at_most,
    pread_fails_with_espipe,
    a_duplicate_shows_the_same_timer,
    the_mode_may_be_switched_at_any_time,
    wait_counts_in_either_mode,
    try_read_never_waits,
    wait_and_try_read_see_an_expiration_before_the_descriptor_does,
    wait_times_out_after_its_limit_and_not_before,
    wait_sees_a_timer_that_another_thread_arms,
];

fn the_flags_asked_for_are_on_the_descriptor(backend: &TestBackend) {
    for (nonblocking, close_on_exec) in [(true, true), (true, false), (false, true), (false, false)] {
        let flags = CreateFlags::new().nonblocking(nonblocking).close_on_exec(close_on_exec);
        let timer = backend.open(Clock::Monotonic, flags).unwrap();
        assert_eq!(is_nonblocking_and_closed_on_exec(&timer), (nonblocking, close_on_exec));
    }
}

fn a_raw_read_gives_the_count(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Realtime);
    let first = backend.now(Clock::Realtime) - 21 * HOUR / 2;
    timer.set(&TimerSpec::at(first).every(HOUR)).unwrap();
    backend.until_readable(&timer);
    assert_eq!(raw_read(&timer).unwrap(), 11);
    assert_eq!(raw_read(&timer).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// The latency of the timer thread depends on the machine. In at least one try of a hundred, the
/// count is as large as Linux's, or one less. On an idle machine the first try succeeds.
fn a_late_raw_read_returns_the_whole_count(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let mut missing = (0..100).map(|_| {
        let first = backend.now(Clock::Monotonic) + ms(10);
        timer.set(&TimerSpec::at(first).every(ms(10))).unwrap();
        backend.pass(ms(105));
        let due = expirations(first, ms(10), backend.now(Clock::Monotonic));
        due.saturating_sub(raw_read(&timer).unwrap_or(0))
    });
    assert!(missing.any(|missing| missing <= 1));
}

fn a_raw_read_fills_eight_bytes_at_most(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_every(Duration::from_micros(20)).unwrap();
    for _ in 0..50 {
        backend.pass(Duration::from_micros(200));
        backend.until_readable(&timer);
        let mut bytes = [0xAA; 64];
        match nix::unistd::read(&timer, &mut bytes) {
            Ok(read) => assert_eq!((read, &bytes[8..]), (8, &[0xAA; 56][..])),
            // At this moment the thread replaces the message by a larger one.
            Err(e) => assert_eq!(e, nix::errno::Errno::EAGAIN),
        }
    }
}

fn pread_fails_with_espipe(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_after(Duration::ZERO).unwrap();
    backend.until_readable(&timer);
    assert_eq!(nix::sys::uio::pread(&timer, &mut [0; 8], 0), Err(nix::errno::Errno::ESPIPE));
    assert_eq!(timer.read().unwrap(), 1);
}

fn a_duplicate_shows_the_same_timer(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let duplicate = timer.as_fd().try_clone_to_owned().unwrap();
    timer.arm_after(ms(1)).unwrap();
    backend.until_readable(&duplicate);
    assert_eq!(raw_read(&duplicate).unwrap(), 1);
    assert!(!is_readable(&timer));
    assert_nothing_to_read(&timer);
    timer.arm_after(Duration::ZERO).unwrap();
    backend.until_readable(&duplicate);
    timer.disarm().unwrap();
    assert!(!is_readable(&duplicate));
}

fn the_mode_may_be_switched_at_any_time(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    for _ in 0..3 {
        fcntl(&timer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(backend.while_time_passes(|| timer.read()).unwrap(), 1);
        timer.arm_after(Duration::ZERO).unwrap();
        timer.arm_after(HOUR).unwrap();
        fcntl(&timer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        assert_nothing_to_read(&timer);
    }
}

fn wait_counts_in_either_mode(backend: &TestBackend) {
    for timer in [backend.open_on(Clock::Monotonic), backend.open_blocking(Clock::Monotonic)] {
        timer.arm_after(ms(2)).unwrap();
        assert_eq!(backend.while_time_passes(|| timer.wait(Some(HOUR))).unwrap(), 1);
        timer.arm_after(ms(2)).unwrap();
        assert_eq!(backend.while_time_passes(|| timer.wait(Some(Duration::MAX))).unwrap(), 1);
    }
}

fn try_read_never_waits(backend: &TestBackend) {
    for timer in [backend.open_on(Clock::Monotonic), backend.open_blocking(Clock::Monotonic)] {
        for _ in 0..3 {
            assert_eq!(timer.try_read().unwrap_err().raw_os_error(), Some(nix::libc::EAGAIN));
            timer.arm_after(ms(1)).unwrap();
            backend.until_readable(&timer);
            assert_eq!(timer.try_read().unwrap(), 1);
        }
    }
}

/// Both methods use the clock and not the timer thread, whose back-off grows while the count stays
/// unread. Linux may notice the expiration a moment late.
fn wait_and_try_read_see_an_expiration_before_the_descriptor_does(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let seen = |read: &dyn Fn() -> bool| {
        (0..20).any(|_| {
            timer.arm_every(ms(1)).unwrap();
            backend.pass(ms(40));
            let _ = raw_read(&timer);
            backend.pass(ms(2));
            read()
        })
    };
    assert!(seen(&|| timer.wait(Some(Duration::ZERO)).is_ok()));
    assert!(seen(&|| timer.try_read().is_ok()));
}

/// The thread takes the message out of the pipe to write a larger one, so the timer becomes
/// readable again without another call.
fn an_unread_periodic_timer_becomes_readable_again_and_again(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_every(Duration::from_micros(50)).unwrap();
    for round in 0..20_000 {
        backend.until_readable(&timer);
        if round % 5_000 == 0 {
            let _ = raw_read(&timer);
        }
    }
}

fn wait_times_out_after_its_limit_and_not_before(backend: &TestBackend) {
    for timer in [backend.open_on(Clock::Monotonic), backend.open_blocking(Clock::Monotonic)] {
        timer.arm_after(HOUR).unwrap();
        for limit in [Duration::ZERO, Duration::from_nanos(1), Duration::from_micros(2_500)] {
            let begun = Instant::now();
            let e = timer.wait(Some(limit)).unwrap_err();
            assert_eq!((e.kind(), e.raw_os_error()), (ErrorKind::TimedOut, Some(nix::libc::ETIMEDOUT)));
            assert!(begun.elapsed() >= limit);
        }
        timer.arm_after(Duration::ZERO).unwrap();
        backend.until_readable(&timer);
        assert_eq!(timer.wait(Some(Duration::ZERO)).unwrap(), 1);
    }
}

fn wait_sees_a_timer_that_another_thread_arms(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| timer.wait(None));
        timer.arm_after(ms(1)).unwrap();
        backend.pass(ms(1));
        assert_eq!(waiter.join().unwrap().unwrap(), 1);
    });
}
