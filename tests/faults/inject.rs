//! System calls of this process that fail for a while.

use nix::libc;
use nix::sys::signal::{kill, Signal};
use nix::unistd::{getsid, Pid};
use std::process::{Child, Command, Stdio};

/// While it lives, strace is attached to this process and lets its calls fail.
struct Strace(Child);

impl Strace {
    fn attach(faults: &[&str]) -> Strace {
        // SAFETY: this lets a child trace us, where the system is strict, and touches no memory.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0) };
        // It begins when its input ends, so that no call of ours to start it is counted among those that may fail.
        let mut command = Command::new("sh");
        command.args(["-c", r#"read _; exec strace "$@""#, "strace", "-f", "-qq", "-o", "/dev/null"]);
        command.args(["-p", &std::process::id().to_string()]);
        for fault in faults.iter().chain(&["getsid:error=ENOSYS"]) {
            command.args(["-e", &format!("inject={fault}")]);
        }
        // Sometimes it remarks on the threads that it finds.
        let mut strace = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(strace.stdin.take());
        // A call that no test makes shows that it is at work. It has every thread by then.
        while getsid(None).is_ok() {
            assert!(strace.try_wait().unwrap().is_none(), "strace has ended");
        }
        Strace(strace)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        self.0.wait().unwrap();
    }
}

/// What `body` gives while these calls fail, as strace's `inject=` has them.
pub fn with_faults<T>(faults: &[&str], body: impl FnOnce() -> T) -> T {
    let strace = Strace::attach(faults);
    let given = body();
    drop(strace);
    given
}
