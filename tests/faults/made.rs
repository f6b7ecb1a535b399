//! Timers that cannot be made, and threads that cannot be started.

use crate::common::{descriptors, errno, userspace_builder, HOUR};
use crate::inject::with_faults;
use nix::libc;
use portable_timerfd::{Clock, TimerFd, TimerSpec};
use std::io;
use std::time::Duration;

crate::cases![
    a_timer_of_the_kernel_that_cannot_be_made_is_an_error_of_the_facade_too,
    a_pipe_that_cannot_be_made_is_an_error,
    a_pipe_that_cannot_be_prepared_is_an_error_and_is_closed,
    a_thread_without_memory_is_an_error_that_changes_nothing,
    a_thread_whose_signals_cannot_be_blocked_is_an_error_that_changes_nothing,
    a_thread_without_exact_sleeps_still_serves_timers,
];

fn userspace() -> io::Result<TimerFd> {
    userspace_builder(Clock::Monotonic).open()
}

#[track_caller]
fn assert_works(timer: io::Result<TimerFd>) {
    let timer = timer.unwrap();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

/// Makes a timer while a call fails, and passes the result to `inspect`. In every case no
/// descriptor remains, and the next timer works.
#[track_caller]
fn made_under<T>(fault: &str, make: fn() -> io::Result<TimerFd>, inspect: impl FnOnce(io::Result<TimerFd>) -> T) -> T {
    let before = descriptors();
    let seen = inspect(with_faults(&[fault], make));
    assert_eq!(descriptors(), before, "{fault}");
    assert_works(make());
    seen
}

fn a_timer_of_the_kernel_that_cannot_be_made_is_an_error_of_the_facade_too() {
    for (name, number) in [("EMFILE", libc::EMFILE), ("ENFILE", libc::ENFILE), ("ENOMEM", libc::ENOMEM)] {
        let fault = format!("timerfd_create:error={name}");
        assert_eq!(made_under(&fault, || TimerFd::new(Clock::Monotonic), errno), Some(number));
    }
}

fn a_pipe_that_cannot_be_made_is_an_error() {
    for (name, number) in [("EMFILE", libc::EMFILE), ("ENFILE", libc::ENFILE)] {
        assert_eq!(made_under(&format!("pipe2:error={name}"), userspace, errno), Some(number));
    }
}

/// A timer whose pipe takes six calls of `fcntl(2)`: two ask for standard streams, one asks for a
/// small pipe, and three change the modes of the read end.
fn blocking_and_inherited() -> io::Result<TimerFd> {
    userspace_builder(Clock::Monotonic).nonblocking(false).close_on_exec(false).open()
}

fn a_pipe_that_cannot_be_prepared_is_an_error_and_is_closed() {
    // The first timer closes one more file.
    assert_works(blocking_and_inherited());
    let fault = |call| format!("fcntl:error=EMFILE:when={call}");
    let needed = [4, 5, 6].map(|call| made_under(&fault(call), blocking_and_inherited, errno));
    assert_eq!(needed, [Some(libc::EMFILE); 3]);
    for call in [1, 2, 3, 7] {
        made_under(&fault(call), blocking_and_inherited, assert_works);
        made_under(&fault(call), userspace, assert_works);
    }
}

/// Arms a timer while a call fails. After an error, nothing has changed, and the next call works.
fn armed_under(fault: &str) -> Option<i32> {
    let timer = userspace().unwrap();
    timer.set(&TimerSpec::disarmed().every(HOUR)).unwrap();
    let refusal = errno(with_faults(&[fault], || timer.arm_after(Duration::ZERO)));
    if refusal.is_some() {
        assert_eq!(timer.get().unwrap(), TimerSpec::disarmed().every(HOUR), "{fault}");
        timer.arm_after(Duration::from_millis(1)).unwrap();
    }
    assert_eq!(timer.wait(None).unwrap(), 1, "{fault}");
    refusal
}

fn a_thread_without_memory_is_an_error_that_changes_nothing() {
    assert_eq!(armed_under("mmap:error=ENOMEM:when=1"), Some(libc::ENOMEM));
}

fn a_thread_whose_signals_cannot_be_blocked_is_an_error_that_changes_nothing() {
    assert_eq!(armed_under("rt_sigprocmask:error=EINVAL:when=1"), Some(libc::EINVAL));
}

fn a_thread_without_exact_sleeps_still_serves_timers() {
    assert_eq!(armed_under("prctl:error=EPERM"), None);
}
