//! The process around simulated timers: forks, and the descriptor limit.

use crate::common::*;
use crate::{open, realtime};
use nix::libc::{EMFILE, ESRCH};
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, ForkResult};
use portable_timerfd::{Clock, SimulatedClock};

/// Returns whether `act` succeeds in a forked child. The child has one thread, and prints nothing.
fn is_well_in_a_child(act: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only makes calls of this library and of the system, takes no lock that
    // another thread may hold, and exits.
    match unsafe { fork() }.unwrap() {
        // SAFETY: ends the child without any other action.
        ForkResult::Child => unsafe { nix::libc::_exit(i32::from(!act())) },
        ForkResult::Parent { child } => matches!(waitpid(child, None).unwrap(), WaitStatus::Exited(_, 0)),
    }
}

#[test]
fn a_forked_child_has_no_clock_of_its_parents_but_makes_its_own() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_every(SECOND).unwrap();
    simulated.advance(SECOND);
    let in_child = || {
        simulated.advance(HOUR);
        let calls = [timer.get().map(drop), timer.disarm(), timer.read().map(drop), timer.try_read().map(drop)];
        let refused = calls.into_iter().chain([simulated.timer(Clock::Monotonic).map(drop)]);
        let stands = errno(simulated.set_realtime(realtime(HOUR))) == Some(ESRCH)
            && simulated.now(Clock::Monotonic).since_zero().is_zero()
            && simulated.suspend(HOUR).is_zero();
        let own = SimulatedClock::new();
        let works = own.timer(Clock::Monotonic).is_ok_and(|timer| {
            timer.arm_after(HOUR).is_ok() && own.advance_to_next() == Some(HOUR) && timer.read().is_ok()
        });
        stands
            && simulated.next_expiration().is_none()
            && simulated.advance_to_next().is_none()
            && !simulated.has_unread()
            && simulated.waiting() == 0
            && errno(timer.now(Clock::Monotonic)) == Some(ESRCH)
            && errno(timer.wait(None)) == Some(ESRCH)
            && refused.into_iter().all(|result| errno(result) == Some(ESRCH))
            && works
    };
    assert!(is_well_in_a_child(in_child));
    assert_eq!((simulated.next_expiration(), timer.read().unwrap()), (Some(SECOND), 1));
    let dropped = open(&simulated, Clock::Monotonic);
    dropped.arm_after(SECOND).unwrap();
    let mut both = Some((simulated.clone(), dropped));
    assert!(is_well_in_a_child(|| {
        drop(both.take());
        true
    }));
    simulated.advance(SECOND);
    assert_eq!(both.unwrap().1.read().unwrap(), 1, "what a child drops is its own");
}

#[test]
fn at_the_descriptor_limit_creation_fails_and_existing_timers_work() {
    assert!(is_well_in_a_child(|| {
        let simulated = SimulatedClock::new();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, soft.min(64), hard).unwrap();
        let mut timers = Vec::new();
        let refusal = loop {
            match simulated.timer(Clock::Monotonic) {
                Ok(timer) if timers.len() < 64 => timers.push(timer),
                result => break errno(result),
            }
        };
        let all_armed = timers.iter().all(|timer| timer.arm_after(HOUR).is_ok());
        simulated.advance(HOUR);
        let all_work = all_armed && timers.iter().all(|timer| timer.read().is_ok_and(|count| count == 1));
        timers.pop();
        refusal == Some(EMFILE) && all_work && simulated.timer(Clock::Monotonic).is_ok()
    }));
}

#[test]
#[cfg(target_os = "linux")]
fn a_simulated_clock_has_no_thread() {
    assert!(is_well_in_a_child(|| {
        let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        // An emulator of a processor may have threads of its own.
        let before = threads();
        let simulated = SimulatedClock::new();
        let timer = open(&simulated, Clock::Realtime);
        timer.arm_every(std::time::Duration::from_nanos(1)).unwrap();
        simulated.advance(HOUR);
        threads() == before
    }));
}
