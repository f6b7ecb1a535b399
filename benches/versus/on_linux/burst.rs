//! Thousands of timers due at the same instant: how long until a loop has been told of the last.

use super::expire::{medians, Company};
use super::rows::rows;
use super::Request;

const CROWD: usize = 5_000;

pub fn run(request: &Request) {
    let names = ["kernel", "bare_pipes"].map(|other| format!("userspace.burst@{CROWD}/{other}"));
    if !names.iter().any(|name| request.wants_with(name, 3 * CROWD + CROWD / 2)) {
        return;
    }
    let mut companies: Vec<Company> = rows().into_iter().map(|row| Company::of_timers(row, CROWD)).collect();
    // As many as the timers are more than there are descriptors for.
    companies.push(Company::of_bare_pipes(CROWD / 4));
    let each = medians(&mut companies, request.rounds(50));
    let [ours, others, pipes] = [each[0], each[1], each[2]].map(|each| each * CROWD as f64);
    let [by_kernel, by_pipes] = names;
    request.print(by_kernel, ours, Some(others), 3.0);
    request.print(by_pipes, ours, Some(pipes), 1.3);
}
