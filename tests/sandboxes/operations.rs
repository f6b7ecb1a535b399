//! The operations whose system calls are listed, each after a mark that a tracer sees.

use crate::marks::{mark, outside};
use nix::libc;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use portable_timerfd::backends::userspace::start_thread;
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{backends, Clock, CreateFlags, TimerFd, TimerSpec};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

const MILLI: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// The operations of one process, before the sandbox and in it.
pub struct Program {
    pub name: &'static str,
    pub before: fn(),
    pub inside: fn(),
}

pub const PROGRAMS: [Program; 3] = [
    Program { name: "first", before: || (), inside: first },
    Program { name: "owned", before: first_owned, inside: owned },
    Program { name: "fd-only", before: first, inside: fd_only },
];

fn timer(clock: Clock, nonblocking: bool) -> TimerFd {
    let backend = backends::userspace::BACKEND;
    TimerFd::builder(clock).nonblocking(nonblocking).backend(backend).open().unwrap()
}

fn raw(clock: Clock, nonblocking: bool) -> OwnedFd {
    RawTimer::create(clock, CreateFlags::new().nonblocking(nonblocking)).unwrap()
}

/// Makes the first timer, which starts the thread.
fn first_owned() {
    drop(timer(Clock::Monotonic, false));
    start_thread().unwrap();
    let timer = timer(Clock::Monotonic, false);
    timer.arm_after(MILLI).unwrap();
    // By then the thread has set its attributes.
    assert_eq!(timer.read().unwrap(), 1);
}

/// Makes the first timer of each kind, which starts the thread.
fn first() {
    mark("first timer");
    drop(timer(Clock::Monotonic, false));
    mark("first fd-only timer");
    let fd = raw(Clock::Monotonic, false);
    mark("start of the thread");
    start_thread().unwrap();
    outside();
    // By then the thread has started, has set its attributes, and sleeps.
    RawTimer::find(fd.as_raw_fd()).unwrap().settime(&TimerSpec::after(MILLI)).unwrap();
    assert_eq!(raw_read(&fd), 1);
    // Without this, a sweep would close it during the next operations.
    std::mem::forget(fd);
}

fn raw_read(fd: &OwnedFd) -> u64 {
    let mut count = [0; 8];
    File::from(fd.try_clone().unwrap()).read_exact(&mut count).unwrap();
    u64::from_ne_bytes(count)
}

/// Lets the thread refresh a count that stays unread.
fn leave_unread(fd: impl AsFd) {
    outside();
    poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
    std::thread::sleep(30 * MILLI);
}

fn owned() {
    for clock in [Clock::Monotonic, Clock::Realtime, Clock::Boottime] {
        for nonblocking in [true, false] {
            mark("create");
            let timer = timer(clock, nonblocking);
            mark("settime");
            timer.set(&TimerSpec::after(MILLI).every(MILLI)).unwrap();
            leave_unread(&timer);
            mark("read");
            assert!(timer.read().unwrap() >= 1);
            leave_unread(&timer);
            mark("try_read");
            assert!(timer.try_read().unwrap() >= 1);
            mark("gettime");
            timer.get().unwrap();
            mark("settime");
            timer.set(&TimerSpec::after(20 * MILLI)).unwrap();
            mark("wait");
            assert_eq!(timer.wait(None).unwrap(), 1);
            mark("settime");
            timer.set(&TimerSpec::after(if nonblocking { HOUR } else { 20 * MILLI })).unwrap();
            mark("read");
            assert_eq!(timer.read().is_err(), nonblocking);
            mark("drop");
            drop(timer);
        }
    }
    outside();
    alarm_clock();
}

/// The library checks the privilege for an alarm clock in each call.
fn alarm_clock() {
    let backend = backends::userspace::BACKEND;
    mark("create");
    // Without the privilege there is no timer.
    let Ok(timer) = TimerFd::builder(Clock::BoottimeAlarm).backend(backend).open() else { return outside() };
    mark("settime");
    timer.set(&TimerSpec::after(HOUR)).unwrap();
    mark("drop");
    drop(timer);
    outside();
}

fn fd_only() {
    for clock in [Clock::Monotonic, Clock::Realtime, Clock::Boottime] {
        for nonblocking in [true, false] {
            mark("create");
            let fd = raw(clock, nonblocking);
            mark("find");
            let timer = RawTimer::find(fd.as_raw_fd()).unwrap();
            mark("settime");
            timer.settime(&TimerSpec::after(MILLI).every(MILLI)).unwrap();
            leave_unread(&fd);
            mark("settime");
            timer.settime(&TimerSpec::after(Duration::ZERO).every(MILLI)).unwrap();
            leave_unread(&fd);
            mark("gettime");
            timer.gettime().unwrap();
            outside();
            assert!(raw_read(&fd) >= 1);
            // If the descriptor moves to another number, the library reopens the timer through its
            // write end.
            let moved = fd.try_clone().unwrap();
            drop(fd);
            leave_unread(&moved);
            mark("settime");
            timer.settime(&TimerSpec::disarmed()).unwrap();
            outside();
            drop((moved, timer));
        }
    }
    for _ in 0..40 {
        mark("create");
        let fd = raw(Clock::Monotonic, true);
        outside();
        drop(fd);
    }
    // The thread sweeps a second after the last timer was made.
    std::thread::sleep(Duration::from_millis(1500));
}

/// Ends the process with a single call.
pub fn exit() -> ! {
    // SAFETY: this runs no destructor, and nothing needs one.
    unsafe { libc::_exit(0) }
}
