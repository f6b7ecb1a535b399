//! Forked children: the thread is not in them.

use crate::userspace;
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, ForkResult};
use portable_timerfd::Timer;
use std::time::Duration;

crate::cases![a_forked_child_has_no_timers_of_its_parents_but_makes_its_own];

fn a_forked_child_has_no_timers_of_its_parents_but_makes_its_own() {
    let inherited = userspace();
    inherited.arm_every(Duration::from_millis(1)).unwrap();
    inherited.wait(None).unwrap();
    // SAFETY: this process has one thread beside the timers' own, and the child only uses what the crate promises to
    // work after a fork.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let refused = |result: std::io::Result<_>| result.unwrap_err().raw_os_error() == Some(nix::libc::ESRCH);
            let mut fine = refused(inherited.arm_after(Duration::ZERO)) && refused(inherited.gettime());
            let open = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
            let before = open();
            drop(inherited);
            fine &= open() == before - 2;
            let own = userspace();
            own.arm_after(Duration::from_millis(1)).unwrap();
            fine &= own.wait(None).unwrap() == 1;
            // SAFETY: the child must not run the parent's exit handlers.
            unsafe { nix::libc::_exit(i32::from(!fine)) }
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
            inherited.disarm().unwrap();
            inherited.arm_after(Duration::from_millis(1)).unwrap();
            assert_eq!(inherited.wait(None).unwrap(), 1);
        }
    }
}
