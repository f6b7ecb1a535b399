//! The number of system calls per expiration in each loop: at most that of a kernel timer that the
//! program registers and reads by hand. strace counts the calls, in a process of its own for each
//! loop and timer.
//!
//! Not counted are the calls of the emulation's timer thread, which are not the loop's, and, under
//! async-io, waits for a lock, because its own two threads contend for some.

mod programs;

use libtest_mimic::Trial;
use nix::unistd::{getsid, Pid};
use portable_timerfd::backends;
use std::collections::BTreeMap;
use std::process::Command;

/// The environment variable with the program to run.
const ASKED: &str = "LOOPS_PROGRAM";
/// The number of expirations that are awaited and counted.
const EXPIRATIONS: u32 = 40;

/// A loop that waits for expirations. Arguments: the timer's name, and the number of expirations.
type Program = (&'static str, fn(&str, u32));

/// Runs the program that the environment variable names, if any.
pub fn is_program() -> bool {
    let Ok(asked) = std::env::var(ASKED) else { return false };
    let (name, timer) = asked.split_once(' ').unwrap();
    programs::ALL.iter().find(|program| program.0 == name).unwrap().1(timer, EXPIRATIONS);
    true
}

/// Makes a call that no other code makes, as a mark in strace's output.
fn mark() {
    assert!(getsid(Some(Pid::from_raw(i32::MAX))).is_err());
}

pub fn trials() -> Vec<Trial> {
    let can_trace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    // On the code for other Unixes, a read that must not wait takes more calls.
    let ignored = cfg!(portable_timerfd_test_posix) || !can_trace.is_ok_and(|output| output.status.success());
    let trial = |&(name, _): &Program| {
        let run = move || {
            costs_no_more_calls_than_by_hand(name);
            Ok(())
        };
        Trial::test(format!("calls::{name}_costs_no_more_calls_than_by_hand"), run).with_ignored_flag(ignored)
    };
    programs::ALL.iter().map(trial).collect()
}

fn costs_no_more_calls_than_by_hand(name: &str) {
    // Threads may contend and make one or two more calls, in either program. An additional call per
    // expiration would appear in every run.
    let by_hand = (0..5).map(|_| calls(name, "by hand")).min_by_key(|calls| total(name, calls)).unwrap();
    for backend in backends::ALL {
        let mut runs = (0..100).map(|_| calls(name, backend.name()));
        let fine = runs.find(|calls| total(name, calls) <= total(name, &by_hand));
        println!("{name}: {EXPIRATIONS} expirations by hand {by_hand:?}, of a {} timer {fine:?}", backend.name());
        let seen = || calls(name, backend.name());
        assert!(fine.is_some(), "of a {} timer {:?}, by hand {by_hand:?}", backend.name(), seen());
    }
}

type Calls = BTreeMap<String, u32>;

fn total(name: &str, calls: &Calls) -> u32 {
    let is_counted = |call: &str| name != "async_io" || call != "futex";
    calls.iter().filter(|(call, _)| is_counted(call)).map(|(_, times)| times).sum()
}

/// Returns the calls of the loop's thread between the marks. Under async-io, which has a thread of
/// its own, returns the calls of all threads except the timer thread. strace must stop no other
/// thread, and no thread that holds the lock of a timer. So writes are not traced: the timer thread
/// makes them, and no loop does.
fn calls(name: &str, timer: &str) -> Calls {
    let mut strace = Command::new("strace");
    if name == "async_io" {
        strace.args(["-f", "--seccomp-bpf", "--decode-pids=comm"]);
    }
    strace.args(["-e", "trace=!write", "-o", "/dev/stdout"]).arg(std::env::current_exe().unwrap());
    let output = strace.env(ASKED, format!("{name} {timer}")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let written = String::from_utf8_lossy(&output.stdout);
    let between = written.lines().skip_while(|line| !line.contains("getsid(")).skip(1);
    let mut calls = Calls::new();
    for line in between.take_while(|line| !line.contains("getsid(")).filter(|line| !line.contains("<timerfd>")) {
        // A line is `call(…` or `123<name> call(…`. If another call came in between, the rest of a
        // call is on a line of its own: `123<name> <... call resumed>…`.
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let rest = if rest.starts_with('<') { rest.split_once(' ').unwrap().1.trim_start() } else { rest };
        if let (false, Some((call, _))) = (rest.starts_with("<..."), rest.split_once('(')) {
            *calls.entry(call.to_owned()).or_default() += 1;
        }
    }
    calls
}
