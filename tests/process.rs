//! The process around the userspace backend: its thread, forks, descriptor limits.

use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, ForkResult};
use portable_timerfd::{backends, Clock, Timer, TimerFd};
use std::process::{Command, ExitCode};
use std::time::Duration;

fn userspace() -> TimerFd {
    let backend = backends::named("userspace").unwrap();
    TimerFd::builder(Clock::Monotonic).backend(backend).open().unwrap()
}

/// What a child process does, since it changes the whole process: the test runs itself anew with the case's name.
fn in_a_process_of_its_own(case: &str) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).env("PROCESS_CASE", case).output().unwrap();
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
}

const CASES: [(&str, fn()); 4] = [
    ("a_forked_child_has_no_timers_of_its_parents_but_makes_its_own", fork_case),
    ("the_thread_is_named_and_takes_no_signal", thread_case),
    ("a_disarmed_timer_starts_no_thread", idle_case),
    ("at_the_descriptor_limit_creation_fails_and_leaks_nothing", limit_case),
];

fn main() -> ExitCode {
    if let Ok(case) = std::env::var("PROCESS_CASE") {
        CASES.iter().find(|(name, _)| *name == case).unwrap().1();
        return ExitCode::SUCCESS;
    }
    // The cases look at themselves by way of Linux's /proc.
    let blind = !std::path::Path::new("/proc/self/task").exists();
    let trial = |(name, _): (&'static str, _)| {
        let run = move || {
            in_a_process_of_its_own(name);
            Ok(())
        };
        libtest_mimic::Trial::test(name, run).with_ignored_flag(blind)
    };
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), CASES.map(trial).into()).exit_code()
}

fn fork_case() {
    let inherited = userspace();
    inherited.arm_every(Duration::from_millis(1)).unwrap();
    inherited.wait(None).unwrap();
    // SAFETY: this process has one thread beside the timers' own, and the child only uses what the crate promises to
    // work after a fork.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let refused = |result: std::io::Result<_>| result.unwrap_err().raw_os_error() == Some(nix::libc::ESRCH);
            let mut fine = refused(inherited.arm_after(Duration::ZERO)) && refused(inherited.gettime());
            drop(inherited);
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

/// The threads of this process: their names, and the signals they block.
fn threads() -> Vec<(String, u64)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .map(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
            (field("Name:"), u64::from_str_radix(&field("SigBlk:"), 16).unwrap())
        })
        .collect()
}

fn thread_case() {
    let timer = userspace();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    timer.wait(None).unwrap();
    let threads = threads();
    let [(_, blocked)] = threads.iter().filter(|(name, _)| name == "timerfd").collect::<Vec<_>>()[..] else {
        panic!("one timer thread was expected among {threads:?}");
    };
    // KILL and STOP can't be blocked; the C library keeps two for itself.
    let free = !blocked & !(1 << (9 - 1)) & !(1 << (19 - 1)) & !(0b11 << (32 - 1));
    assert_eq!(free, 0, "signals {free:#x} are not blocked");
    assert!(threads.iter().any(|(_, blocked)| *blocked == 0), "the caller's mask is as it was: {threads:?}");
}

fn idle_case() {
    let timer = userspace();
    timer.disarm().unwrap();
    timer.gettime().unwrap();
    assert!(timer.read().is_err());
    assert_eq!(threads().len(), 1);
}

fn limit_case() {
    use nix::sys::resource::{getrlimit, setrlimit, Resource};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 32, hard).unwrap();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let backend = backends::named("userspace").unwrap();
    for _ in 0..3 {
        let mut timers = vec![userspace()];
        let refusal = loop {
            match TimerFd::builder(Clock::Monotonic).backend(backend).open() {
                Ok(timer) => timers.push(timer),
                Err(e) => break e,
            }
        };
        assert_eq!(refusal.raw_os_error(), Some(nix::libc::EMFILE));
        timers.truncate(2);
        let before = open();
        timers.push(userspace());
        assert_eq!(open(), before + 2, "a timer has two descriptors");
        timers.pop();
        assert_eq!(open(), before);
        timers[0].arm_after(Duration::from_millis(1)).unwrap();
        assert_eq!(timers[0].wait(None).unwrap(), 1);
    }
}
