//! Compares the kernel backend with the system calls that it makes, and with other crates.

use nix::sys::timerfd as by_nix;
use portable_timerfd::TimerFd;
use std::time::Duration;

use super::compare::{medians, Candidate};
use super::kernel_timers::{expire, KernelTimer, Rustix, Set};
use super::raw;
use super::Request;

const BAR: f64 = 1.03;
const HOUR: Duration = Duration::from_secs(3600);

/// An operation, the names of the others, and the candidates: ours, then the others.
type Op = (&'static str, &'static [&'static str], fn() -> Vec<Candidate<'static>>);

const OPS: [Op; 5] = [
    ("settime", &["libc", "timerfd", "rustix"], || {
        vec![settime::<TimerFd>(), settime::<raw::Timerfd>(), settime::<timerfd::TimerFd>(), settime::<Rustix>()]
    }),
    // `nix` does not ask for the old setting, so it is compared with `set`.
    ("settime", &["nix"], || vec![settime::<Set>(), settime::<by_nix::TimerFd>()]),
    ("gettime", &EACH, || of_each!(gettime)),
    ("read", &EACH, || of_each!(read)),
    ("create", &EACH, || of_each!(create)),
];
const EACH: [&str; 4] = ["libc", "timerfd", "nix", "rustix"];

pub fn run(request: &Request) {
    for (op, others, candidates) in OPS {
        let names: Vec<String> = others.iter().map(|other| format!("kernel.{op}/{other}")).collect();
        if !names.iter().any(|name| request.wants(name)) {
            continue;
        }
        let times = medians(&mut candidates(), request.rounds(10_000));
        for (name, &other) in names.into_iter().zip(&times[1..]) {
            request.print(name, times[0], Some(other), BAR);
        }
    }
}

macro_rules! of_each {
    ($op:ident) => {
        vec![
            $op::<TimerFd>(),
            $op::<raw::Timerfd>(),
            $op::<timerfd::TimerFd>(),
            $op::<by_nix::TimerFd>(),
            $op::<Rustix>(),
        ]
    };
}
use of_each;

fn settime<R: KernelTimer + 'static>() -> Candidate<'static> {
    let mut timer = R::create();
    Candidate::new(100, move || (0..100).for_each(|round| timer.settime(HOUR + Duration::from_micros(round))))
}

fn gettime<R: KernelTimer + 'static>() -> Candidate<'static> {
    let mut timer = R::create();
    timer.settime(HOUR);
    Candidate::new(100, move || (0..100).for_each(|_| timer.gettime()))
}

fn read<R: KernelTimer + 'static>() -> Candidate<'static> {
    let timers: Vec<R> = (0..100).map(|_| R::create()).collect();
    let timers = std::rc::Rc::new(std::cell::RefCell::new(timers));
    let again = std::rc::Rc::clone(&timers);
    Candidate::new(100, move || timers.borrow().iter().for_each(R::read))
        .prepared_by(move || expire(&mut again.borrow_mut()))
}

fn create<R: KernelTimer + 'static>() -> Candidate<'static> {
    Candidate::new(50, || (0..50).for_each(|_| drop(R::create())))
}
