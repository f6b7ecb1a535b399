//! C programs that show the time at every full minute, as the clock of a desktop does, and that set
//! their timer anew after a clock change. `ci/vm` puts the programs into the machine.

use crate::machine::{moved, now, set_wall_clock, step_wall_clock};
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, ClockTime};
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

crate::cases![a_clock_with_ptfd_read_follows_clock_steps, a_clock_with_raw_reads_follows_clock_steps];

/// A running program. It is killed on drop.
struct Shown {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Shown {
    /// Starts a program that shows this number of lines, and then ends.
    fn start(program: &str, backend: &TestBackend, count: u32) -> Shown {
        let mut command = Command::new(program);
        command.args(["60", &count.to_string()]).env("PORTABLE_TIMERFD_BACKEND", backend.name());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Shown { child, lines }
    }

    /// Waits for a line of this kind, and returns the time that the program has shown.
    #[track_caller]
    fn next(&mut self, kind: &str) -> u64 {
        let line = self.lines.next().expect("the program has ended").unwrap();
        let (found, time) = line.split_once(": ").unwrap();
        assert_eq!(found, kind, "{line}");
        time.parse().unwrap()
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // Fails if the program has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn seconds(time: ClockTime) -> u64 {
    time.since_zero().as_secs()
}

/// Returns the first full minute after this time.
fn minute_after(seconds: u64) -> u64 {
    (seconds / 60 + 1) * 60
}

/// Checks that the program notices clock steps at once, and the full minute after them.
///
/// If the machine is slow and a minute passes earlier than expected, the program shows the next one.
fn check(program: &str, backend: &TestBackend, change: &str, expiration: &str) {
    let at = |secs| ClockTime::new(Clock::Realtime, Duration::from_secs(secs));
    set_wall_clock(at(minute_after(seconds(now())) + 5));
    let mut shown = Shown::start(program, backend, 4);
    assert!(shown.next("started") >= seconds(now()) - 60);
    for step in [3600, -2 * 3600] {
        let before = now();
        step_wall_clock(step);
        let time = shown.next(change);
        assert!(time >= seconds(moved(before, step)) && time <= seconds(now()), "{time} after a step by {step}");
    }
    // This is a clock step, too. The minute passes three seconds later.
    set_wall_clock(at(minute_after(seconds(now())) + 57));
    let minute = minute_after(shown.next(change));
    let time = shown.next(expiration);
    assert!(time >= minute, "{time} is before {minute}");
    assert!(shown.child.wait().unwrap().success());
}

fn a_clock_with_ptfd_read_follows_clock_steps(backend: &TestBackend) {
    check("/aligned_clock", backend, "clock changed", "expired");
}

fn a_clock_with_raw_reads_follows_clock_steps(backend: &TestBackend) {
    check("/aligned_raw", backend, "read", "read");
}
