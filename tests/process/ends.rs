//! The end of a program by `exec` or exit, and the end of a thread.
// The values are const already, which the lint does not see on systems without native
// thread-locals.
#![allow(clippy::missing_const_for_thread_local)]

use crate::common::{backends_here, descriptors, until_readable};
use crate::userspace;
use portable_timerfd::{Backend, Clock, TimerFd};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{exit, Command};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

crate::cases![
    every:
        only_inheritable_timers_survive_exec;
    userspace:
        timers_work_while_a_thread_ends,
        timers_work_while_the_program_ends;
];

/// Returns the part of the case that this process runs.
fn stage() -> Option<String> {
    std::env::var("STAGE").ok()
}

/// Returns a command that runs this program and case again, with another part.
fn at_stage(stage: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("STAGE", stage);
    command
}

#[track_caller]
fn assert_succeeds(stage: &str) {
    let output = at_stage(stage).output().unwrap();
    assert!(output.status.success(), "{stage}: {}", String::from_utf8_lossy(&output.stderr));
}

fn only_inheritable_timers_survive_exec() {
    match stage().as_deref().map(|stage| stage.split(' ').collect::<Vec<_>>()).as_deref() {
        None => backends_here().for_each(|backend| assert_succeeds(backend.name())),
        Some([backend]) => execute(backend),
        Some([backend, number, before @ ..]) => {
            let before = before.iter().map(|number| number.parse().unwrap()).collect();
            after_exec(backend, number.parse().unwrap(), before);
        }
        Some(other) => panic!("{other:?}"),
    }
}

/// Replaces the program. One of several timers is inheritable.
fn execute(backend: &str) {
    let before: Vec<String> = descriptors().iter().map(i32::to_string).collect();
    let builder = TimerFd::builder(Clock::Monotonic).backend(backend.parse().unwrap());
    let timers = [true, false, true].map(|closed| builder.close_on_exec(closed).open().unwrap());
    for timer in &timers {
        timer.arm_every(Duration::from_millis(1)).unwrap();
        until_readable(timer);
    }
    let stage = format!("{backend} {} {}", timers[1].as_raw_fd(), before.join(" "));
    panic!("{}", at_stage(&stage).exec());
}

/// Checks the descriptors that the new program finds.
fn after_exec(backend: &str, number: i32, mut expected: BTreeSet<i32>) {
    expected.insert(number);
    assert_eq!(descriptors(), expected);
    // SAFETY: the previous program left this descriptor open, and no other code uses it.
    let inherited = unsafe { OwnedFd::from_raw_fd(number) };
    let mut bytes = [0; 8];
    let mut read = || nix::unistd::read(&inherited, &mut bytes).unwrap();
    let backend: Backend = backend.parse().unwrap();
    if backend.capabilities(Clock::Monotonic).unwrap().process_shared {
        assert_eq!(read(), 8);
    } else {
        // The thread no longer exists: the messages that it had written are there, and then the end
        // of the file.
        while read() > 0 {}
    }
}

struct Last(TimerFd);

/// Makes every call of a timer.
fn use_timers(timer: &TimerFd) {
    for delay in [Duration::ZERO, Duration::from_micros(200), Duration::from_secs(3600)] {
        timer.arm_after(delay).unwrap();
        let other = userspace();
        other.arm_after(Duration::from_millis(1)).unwrap();
        assert_eq!(other.wait(None).unwrap(), 1);
        timer.get().unwrap();
    }
    timer.arm_every(Duration::from_micros(20)).unwrap();
    assert!(timer.wait(None).unwrap() >= 1);
}

impl Drop for Last {
    fn drop(&mut self) {
        use_timers(&self.0);
    }
}

thread_local! {
    static EARLY: OnceCell<Last> = const { OnceCell::new() };
    static LATE: OnceCell<Last> = const { OnceCell::new() };
}

fn work_in_a_thread(early: bool) {
    let keep = |last: &OnceCell<Last>| assert!(last.set(Last(userspace())).is_ok());
    if early {
        EARLY.with(keep);
    }
    // This initializes the thread's own handle, and what else the library keeps for each thread.
    let _ = thread::current();
    use_timers(&userspace());
    LATE.with(keep);
}

fn timers_work_while_a_thread_ends() {
    for early in [false, true] {
        for _ in 0..20 {
            thread::spawn(move || work_in_a_thread(early)).join().unwrap();
        }
    }
}

static TIMERS: OnceLock<[TimerFd; 2]> = OnceLock::new();

fn timers() -> &'static [TimerFd; 2] {
    TIMERS.get_or_init(|| [userspace(), userspace()])
}

/// Uses timers until the program ends.
fn use_many_timers() {
    for _ in 0..2 {
        thread::spawn(|| loop {
            timers()[1].arm_every(Duration::from_micros(1)).unwrap();
            userspace().arm_after(Duration::from_micros(5)).unwrap();
        });
    }
    for _ in 0..20 {
        assert!(timers()[1].wait(None).unwrap() >= 1);
    }
}

extern "C" fn at_exit() {
    use_timers(&timers()[0]);
}

fn timers_work_while_the_program_ends() {
    match stage().as_deref() {
        None => {
            for stage in ["main returns", "exit is called", "another thread exits"] {
                (0..5).for_each(|_| assert_succeeds(stage));
            }
        }
        Some(stage) => {
            // SAFETY: the handler may do what any code of this program may do.
            unsafe { nix::libc::atexit(at_exit) };
            use_many_timers();
            EARLY.with(|last| assert!(last.set(Last(userspace())).is_ok()));
            match stage {
                "exit is called" => exit(0),
                "another thread exits" => thread::spawn(|| exit(0)).join().unwrap(),
                _ => {}
            }
        }
    }
}
