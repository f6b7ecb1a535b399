//! The time until a loop has received the events of thousands of timers due at one instant.

use super::expire::{medians, Burst};
use super::timers::available_backends;
use super::Request;

const COUNT: usize = 5_000;

pub fn run(request: &Request) {
    let names = ["kernel", "bare_pipes"].map(|other| format!("userspace.burst@{COUNT}/{other}"));
    if !names.iter().any(|name| request.wants_with(name, 3 * COUNT + COUNT / 2)) {
        return;
    }
    let mut bursts: Vec<Burst> =
        available_backends().into_iter().map(|backend| Burst::of_timers(backend, COUNT)).collect();
    // The limit of descriptors does not suffice for as many pipes as there are timers.
    bursts.push(Burst::of_bare_pipes(COUNT / 4));
    let each = medians(&mut bursts, request.rounds(50));
    let [ours, others, pipes] = [each[0], each[1], each[2]].map(|each| each * COUNT as f64);
    let [by_kernel, by_pipes] = names;
    request.print(by_kernel, ours, Some(others), 3.0);
    request.print(by_pipes, ours, Some(pipes), 1.15);
}
