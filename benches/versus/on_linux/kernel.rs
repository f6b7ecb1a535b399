//! The kernel row beside the system calls it is made of, and beside other crates that make them.

use nix::sys::timerfd as by_nix;
use portable_timerfd::TimerFd;
use std::time::Duration;

use super::contest::{medians, Contestant};
use super::raw;
use super::rivals::{expire, Rival, Rustix, Set};
use super::Request;

const BAR: f64 = 1.03;
const HOUR: Duration = Duration::from_secs(3600);

/// An operation, the others, and the ways to do it: ours, then theirs.
type Op = (&'static str, &'static [&'static str], fn() -> Vec<Contestant<'static>>);

const OPS: [Op; 5] = [
    ("settime", &["libc", "timerfd", "rustix"], || {
        vec![settime::<TimerFd>(), settime::<raw::Timerfd>(), settime::<timerfd::TimerFd>(), settime::<Rustix>()]
    }),
    // It does not ask for the old setting.
    ("settime", &["nix"], || vec![settime::<Set>(), settime::<by_nix::TimerFd>()]),
    ("gettime", &EACH, || of_each!(gettime)),
    ("read", &EACH, || of_each!(read)),
    ("create", &EACH, || of_each!(create)),
];
const EACH: [&str; 4] = ["libc", "timerfd", "nix", "rustix"];

pub fn run(request: &Request) {
    for (op, others, contestants) in OPS {
        let names: Vec<String> = others.iter().map(|other| format!("kernel.{op}/{other}")).collect();
        if !names.iter().any(|name| request.wants(name)) {
            continue;
        }
        let times = medians(&mut contestants(), request.rounds(10_000));
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

fn settime<R: Rival + 'static>() -> Contestant<'static> {
    let mut timer = R::create();
    Contestant::new(100, move || (0..100).for_each(|round| timer.settime(HOUR + Duration::from_micros(round))))
}

fn gettime<R: Rival + 'static>() -> Contestant<'static> {
    let mut timer = R::create();
    timer.settime(HOUR);
    Contestant::new(100, move || (0..100).for_each(|_| timer.gettime()))
}

fn read<R: Rival + 'static>() -> Contestant<'static> {
    let timers: Vec<R> = (0..100).map(|_| R::create()).collect();
    let timers = std::rc::Rc::new(std::cell::RefCell::new(timers));
    let again = std::rc::Rc::clone(&timers);
    Contestant::new(100, move || timers.borrow().iter().for_each(R::read))
        .prepared_by(move || expire(&mut again.borrow_mut()))
}

fn create<R: Rival + 'static>() -> Contestant<'static> {
    Contestant::new(50, || (0..50).for_each(|_| drop(R::create())))
}
