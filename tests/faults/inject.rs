//! Makes system calls of this process fail for a while.

use nix::libc;
use nix::sys::signal::{kill, Signal};
use nix::unistd::{getsid, Pid};
use std::process::{Child, Command, Stdio};

/// While this value lives, strace is attached to this process and makes calls fail.
struct Strace(Child);

impl Strace {
    fn attach(faults: &[&str]) -> Strace {
        // SAFETY: this permits a child to trace this process, which some systems require, and
        // touches no memory.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0) };
        // strace begins when its input ends, so that the calls that start it do not count among
        // those that fail.
        let mut command = Command::new("sh");
        command.args(["-c", r#"read _; exec strace "$@""#, "strace", "-f", "-qq", "-o", "/dev/null"]);
        command.args(["-p", &std::process::id().to_string()]);
        for fault in faults.iter().chain(&["getsid:error=ENOSYS"]) {
            command.args(["-e", &format!("inject={fault}")]);
        }
        // strace sometimes prints remarks about the threads that it finds.
        let mut strace = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(strace.stdin.take());
        // A call that no test makes shows that strace is attached. By then it has found every
        // thread.
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

/// Returns the result of `body`, during which these calls fail, in the notation of strace's
/// `inject=`.
pub fn with_faults<T>(faults: &[&str], body: impl FnOnce() -> T) -> T {
    let strace = Strace::attach(faults);
    let given = body();
    drop(strace);
    given
}
