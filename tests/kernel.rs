//! The kernel backend alone: descriptors that it takes over and hands out, calls in signal
//! handlers.

use portable_timerfd::backends::kernel::KernelTimer;
use portable_timerfd::{Clock, CreateFlags, TimerSpec};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::Duration;

#[test]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), ignore = "only Linux has timers of the kernel")]
fn a_timer_round_trips_through_a_descriptor() {
    let timer = match KernelTimer::new(Clock::Monotonic, CreateFlags::default()) {
        Err(e) if e.kind() == ErrorKind::Unsupported => return,
        timer => timer.unwrap(),
    };
    timer.set(&TimerSpec::after(Duration::from_millis(1)).every(Duration::from_secs(3600))).unwrap();
    let timer = KernelTimer::from_fd(OwnedFd::from(timer), Clock::Monotonic);
    assert_eq!(timer.wait(None).unwrap(), 1);
    assert!(timer.get().unwrap().is_armed());
}

#[test]
fn a_descriptor_that_is_no_timer_gets_errors() {
    let nothing = KernelTimer::from_fd(File::open("/dev/null").unwrap().into(), Clock::Monotonic);
    assert!(nothing.replace(&TimerSpec::disarmed()).is_err());
    assert!(nothing.get().is_err());
    assert!(nothing.read().is_err(), "not an endless loop at the end of the file");
}

static TIMER: OnceLock<KernelTimer> = OnceLock::new();
static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn use_the_timer(_: i32) {
    let timer = TIMER.get().unwrap();
    let is_fine = timer.disarm().is_ok()
        && timer.arm_after(Duration::ZERO).is_ok()
        && timer.wait(None).is_ok_and(|count| count == 1)
        && timer.replace(&TimerSpec::after(Duration::from_secs(3600))).is_ok()
        && timer.get().is_ok_and(|left| left.is_armed());
    HANDLED.fetch_add(is_fine.into(), Ordering::SeqCst);
}

#[test]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), ignore = "only Linux has timers of the kernel")]
fn a_signal_handler_may_set_and_read_the_kernels_timers() {
    use nix::sys::signal::{raise, sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};
    let Ok(timer) = KernelTimer::new(Clock::Monotonic, CreateFlags::default()) else { return };
    TIMER.set(timer).unwrap();
    let action = SigAction::new(SigHandler::Handler(use_the_timer), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler makes only system calls and atomic operations.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    for round in 1..=100 {
        // The handler runs between, and often within, calls of this thread.
        TIMER.get().unwrap().get().unwrap();
        raise(Signal::SIGUSR1).unwrap();
        assert_eq!(HANDLED.load(Ordering::SeqCst), round);
    }
}
