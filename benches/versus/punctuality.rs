//! How late a loop is woken, by each mode of the userspace row and by the kernel.

use portable_timerfd::{backends, Punctuality};

use super::contest::percentile;
use super::shots::{take_turns, Shooter};
use super::Request;

/// Name, mode, percentile, and bar.
const LINES: [(&str, Punctuality, f64, f64); 4] = [
    ("userspace.lateness_p50/kernel", Punctuality::Adaptive, 50.0, 1.0),
    ("userspace.lateness_p99/kernel", Punctuality::Adaptive, 99.0, 1.5),
    ("userspace.precise_p50/kernel", Punctuality::Precise, 50.0, 0.25),
    ("userspace.precise_p99/kernel", Punctuality::Precise, 99.0, 1.0),
];

pub fn run(request: &Request) {
    if !LINES.iter().any(|(name, ..)| request.wants(name)) {
        return;
    }
    // Not a mode is told apart by where in the turn it comes.
    let modes = [Punctuality::Adaptive, Punctuality::Precise];
    let mut shooters = vec![Shooter::new(&backends::kernel::BACKEND, Punctuality::default())];
    shooters.extend(modes.map(|mode| Shooter::new(&backends::userspace::BACKEND, mode)));
    take_turns(&mut shooters, request.rounds(2_500));
    for (name, mode, percent, bar) in LINES {
        let place = 1 + modes.iter().position(|&other| other == mode).expect("it stands there");
        let of = |place: usize| percentile(shooters[place].lateness.clone(), percent);
        request.print(name.to_owned(), of(place), Some(of(0)), bar);
    }
}
