//! What an expiration costs in each loop, in system calls: no more than with a timer of the kernel's that is looked after by hand. strace
//! counts them, in a program of its own for each loop and timer.
//!
//! Not counted: what the timer thread of the emulation calls, which is not the loop's; and, under async-io, waits for a lock, of which its own two
//! threads have some.

mod programs;

use libtest_mimic::Trial;
use nix::unistd::{getsid, Pid};
use portable_timerfd::backends;
use std::collections::BTreeMap;
use std::process::Command;

/// Names what the program is to do.
const ASKED: &str = "LOOPS_PROGRAM";
/// How many expirations are waited for, and counted.
const EXPIRATIONS: u32 = 40;

/// A loop in which expirations are waited for: the timer's name, and how many.
type Program = (&'static str, fn(&str, u32));

/// Does what was asked for, if anything was.
pub fn is_program() -> bool {
    let Ok(asked) = std::env::var(ASKED) else { return false };
    let (name, timer) = asked.split_once(' ').unwrap();
    programs::ALL.iter().find(|program| program.0 == name).unwrap().1(timer, EXPIRATIONS);
    true
}

/// A call that nobody makes, so that it stands out in what strace writes.
fn mark() {
    assert!(getsid(Some(Pid::from_raw(i32::MAX))).is_err());
}

pub fn trials() -> Vec<Trial> {
    let can_trace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    // What other Unixes get takes more calls to be read without waiting.
    let blind = cfg!(portable_timerfd_test_posix) || !can_trace.is_ok_and(|output| output.status.success());
    let trial = |&(name, _): &Program| {
        let run = move || {
            costs_no_more_calls_than_by_hand(name);
            Ok(())
        };
        Trial::test(format!("calls::{name}_costs_no_more_calls_than_by_hand"), run).with_ignored_flag(blind)
    };
    programs::ALL.iter().map(trial).collect()
}

fn costs_no_more_calls_than_by_hand(name: &str) {
    // Threads may come in each other's way, and make a call or two for it, on either side. A call for each expiration would be there in
    // every run.
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

/// The calls of the loop's thread between the marks; under async-io, which has a thread of its own, of all but the timer thread. Nobody is to be
/// stopped by strace who is not looked at, and nobody while he holds a timer's lock: so that no loop writes, but the timer thread does, is left aside.
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
        // `call(…`, or `123<name> call(…`; of a call that another one came in between, the rest stands apart: `123<name> <... call resumed>…`.
        let said = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let said = if said.starts_with('<') { said.split_once(' ').unwrap().1.trim_start() } else { said };
        if let (false, Some((call, _))) = (said.starts_with("<..."), said.split_once('(')) {
            *calls.entry(call.to_owned()).or_default() += 1;
        }
    }
    calls
}
