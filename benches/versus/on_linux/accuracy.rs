//! The latency of a loop with the userspace backend's modes, the kernel, and a bare pipe.

use portable_timerfd::{backends, Accuracy};

use super::compare::percentile;
use super::latency::{by_bare_pipe, by_timer, in_turns};
use super::Request;

/// The indices of the waiters.
const KERNEL: usize = 0;
const ADAPTIVE: usize = 1;
const PRECISE: usize = 2;
const BARE_PIPE: usize = 3;

/// The name, the indices of ours and the other, the percentile, and the bar.
///
/// The last line shows how close the precise mode is to the lower bound for a pipe.
const LINES: [(&str, [usize; 2], f64, f64); 5] = [
    ("userspace.latency_p50/kernel", [ADAPTIVE, KERNEL], 50.0, 0.5),
    ("userspace.latency_p99/kernel", [ADAPTIVE, KERNEL], 99.0, 1.0),
    ("userspace.precise_p50/kernel", [PRECISE, KERNEL], 50.0, 0.25),
    ("userspace.precise_p99/kernel", [PRECISE, KERNEL], 99.0, 0.8),
    ("userspace.precise_p50/bare_pipe", [PRECISE, BARE_PIPE], 50.0, 1.2),
];

pub fn run(request: &Request) {
    if !LINES.iter().any(|(name, ..)| request.wants(name)) {
        return;
    }
    let mut waiters = vec![by_timer(backends::kernel::BACKEND, Accuracy::default())];
    let modes = [Accuracy::Adaptive, Accuracy::Precise];
    waiters.extend(modes.map(|mode| by_timer(backends::userspace::BACKEND, mode)));
    waiters.push(by_bare_pipe());
    let mut latencies = vec![Vec::new(); waiters.len()];
    in_turns(&mut waiters, request.rounds(2_500), |index, sample| latencies[index].push(sample.nanos));
    for (name, pair, percent, bar) in LINES {
        let [ours, other] = pair.map(|index| percentile(latencies[index].clone(), percent));
        request.print(name.to_owned(), ours, Some(other), bar);
    }
}
