//! The kernel row beside the system calls it is made of, and beside other crates that make them.

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use portable_timerfd::TimerFd;
use std::time::Duration;

use crate::contest::{medians, Contestant};
use crate::raw;
use crate::rivals::{Rival, Rustix};
use crate::Request;

const BAR: f64 = 1.03;
const HOUR: Duration = Duration::from_secs(3600);

/// What to time of any rival.
type Op = fn() -> [Contestant<'static>; 5];

pub fn run(request: &Request) {
    let ops: [(&str, Op); 4] = [
        ("settime", || of_each!(settime)),
        ("gettime", || of_each!(gettime)),
        ("read", || of_each!(read)),
        ("create", || of_each!(create)),
    ];
    for (op, contestants) in ops {
        let others = ["libc", "timerfd", "nix", "rustix"].map(|other| format!("kernel.{op}/{other}"));
        if !others.iter().any(|name| request.wants(name)) {
            continue;
        }
        let times = medians(&mut contestants(), request.rounds(4_000));
        for (name, &other) in others.into_iter().zip(&times[1..]) {
            request.print(name, times[0], Some(other), BAR);
        }
    }
}

macro_rules! of_each {
    ($op:ident) => {
        [
            $op::<TimerFd>(),
            $op::<raw::Timerfd>(),
            $op::<timerfd::TimerFd>(),
            $op::<nix::sys::timerfd::TimerFd>(),
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
    Contestant::new(100, move || timers.borrow().iter().for_each(R::read)).prepared_by(move || {
        let mut timers = again.borrow_mut();
        timers.iter_mut().for_each(|timer| timer.settime(Duration::from_nanos(1)));
        for timer in &*timers {
            poll(&mut [PollFd::new(timer.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).expect("poll");
        }
    })
}

fn create<R: Rival + 'static>() -> Contestant<'static> {
    Contestant::new(50, || (0..50).for_each(|_| drop(R::create())))
}
