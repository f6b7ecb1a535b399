//! How late a loop is told: by each mode of the userspace row, by the kernel, and by a pipe that is written to on time.

use portable_timerfd::{backends, Punctuality};

use super::contest::percentile;
use super::shots::{by_bare_pipe, by_timer, in_turns};
use super::Request;

/// Who shoots, by place.
const KERNEL: usize = 0;
const ADAPTIVE: usize = 1;
const PRECISE: usize = 2;
const BARE_PIPE: usize = 3;

/// Name, ours and the other, percentile, and bar. The last has no bar but ours: it tells how near the precise mode is to the least
/// that can be had from a pipe.
const LINES: [(&str, [usize; 2], f64, f64); 5] = [
    ("userspace.lateness_p50/kernel", [ADAPTIVE, KERNEL], 50.0, 1.0),
    ("userspace.lateness_p99/kernel", [ADAPTIVE, KERNEL], 99.0, 1.5),
    ("userspace.precise_p50/kernel", [PRECISE, KERNEL], 50.0, 0.25),
    ("userspace.precise_p99/kernel", [PRECISE, KERNEL], 99.0, 1.0),
    ("userspace.precise_p50/bare_pipe", [PRECISE, BARE_PIPE], 50.0, 1.2),
];

pub fn run(request: &Request) {
    if !LINES.iter().any(|(name, ..)| request.wants(name)) {
        return;
    }
    let mut shooters = vec![by_timer(&backends::kernel::BACKEND, Punctuality::default())];
    let modes = [Punctuality::Adaptive, Punctuality::Precise];
    shooters.extend(modes.map(|mode| by_timer(&backends::userspace::BACKEND, mode)));
    shooters.push(by_bare_pipe());
    let mut lateness = vec![Vec::new(); shooters.len()];
    in_turns(&mut shooters, request.rounds(2_500), |who, shot| lateness[who].push(shot.late));
    for (name, pair, percent, bar) in LINES {
        let [ours, other] = pair.map(|who| percentile(lateness[who].clone(), percent));
        request.print(name.to_owned(), ours, Some(other), bar);
    }
}
