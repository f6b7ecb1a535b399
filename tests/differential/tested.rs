//! One tested timer: a timer of one backend, and the results that the clock allows.

use crate::bounds::{Setting, Window};
use crate::common::{is_readable, polled, raw_read};
use crate::script::{Op, SOON};
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::libc::EAGAIN;
use nix::poll::PollFlags;
use portable_timerfd::{Backend, Clock, ClockTime, Initial, TimerFd, TimerSpec};
use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// The milliseconds after which a timer that is due and not readable counts as lost.
const FOR_EVER: u16 = 30_000;
/// An expiration within this many nanoseconds before a call may not be noticed yet.
const MARGIN: u128 = 2 * SOON as u128;

pub struct Tested {
    backend: Backend,
    timer: TimerFd,
    duplicate: OwnedFd,
    setting: Setting,
    /// The clock on which the setting runs.
    runs_on: Clock,
    /// The number of expirations that were read.
    read: u128,
    /// Whether an expiration was seen.
    has_expired: bool,
    nonblocking: bool,
}

/// The result of a call, which must be equal on both backends.
pub type Outcome = Result<Exact, i32>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exact {
    Nothing,
    Count(u64),
    Readable(bool),
    /// A report of a setting. Its remaining time was compared with the clock.
    Reported {
        is_armed: bool,
        interval: Duration,
    },
    /// The result depends on timing. It was compared with the clock.
    AsTheClockSays,
}

/// A result, or a description of how it contradicts the clock.
pub type Checked<T> = Result<T, String>;

/// How far the result of a read may be behind the clock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lag {
    None,
    /// The result is the count that the timer thread wrote last.
    Refresh,
}

impl Tested {
    pub fn new(backend: Backend, clock: Clock) -> Tested {
        let timer = TimerFd::builder(clock).backend(backend).open().unwrap();
        let duplicate = timer.as_fd().try_clone_to_owned().unwrap();
        let setting = Setting::new(None, 0);
        Tested { backend, timer, duplicate, setting, runs_on: clock, read: 0, has_expired: false, nonblocking: true }
    }

    pub fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn now(&self) -> u128 {
        nanos_of(self.runs_on)
    }

    /// Makes a call; returns its result, and the times before and after it.
    fn call<T>(&self, call: impl FnOnce(&Tested) -> T) -> (T, Window) {
        let before = self.now();
        let result = call(self);
        (result, before..=self.now())
    }

    fn contradiction(&self, what: impl Display) -> String {
        format!("{}: {what}\n{:?}, of which {} were read", self.backend.name(), self.setting, self.read)
    }

    /// Whether the number of expirations is the same for every moment in the window, and shortly
    /// before.
    fn is_certain(&self, window: &Window) -> bool {
        let counts = self.setting.expirations(&(window.start().saturating_sub(MARGIN)..=*window.end()));
        counts.start() == counts.end() && (self.has_expired || *counts.end() == 0)
    }

    /// Waits for the first expiration if it is near, because the results just then are not
    /// predictable.
    pub fn pass_the_first(&mut self) -> Checked<()> {
        let due = self.setting.first_at_last().filter(|&first| first <= self.now() + MARGIN);
        let Some(first) = due.filter(|_| !self.has_expired) else { return Ok(()) };
        if !polled(&self.timer, FOR_EVER).contains(PollFlags::POLLIN) {
            return Err(self.contradiction("due, and not readable"));
        }
        let now = self.now();
        if *self.setting.expirations(&(now..=now)).end() == 0 {
            return Err(self.contradiction("readable before its time"));
        }
        while self.now() < first {}
        self.has_expired = true;
        Ok(())
    }

    pub fn play(&mut self, op: Op, now: ClockTime) -> Checked<Outcome> {
        const DONE: Checked<Outcome> = Ok(Ok(Exact::Nothing));
        match op {
            Op::Settime { first, interval, cancel_on_set } => {
                let spec = first.spec(now).every(interval);
                self.settime(if cancel_on_set { spec.cancel_on_set() } else { spec })
            }
            Op::Disarm => self.settime(TimerSpec::disarmed()),
            Op::Gettime => {
                let (result, window) = self.call(|tested| tested.timer.get());
                self.reported(result, &window)
            }
            Op::Read => self.read(|tested| tested.timer.read(), Lag::None),
            Op::TryRead => self.read(|tested| tested.timer.try_read(), Lag::None),
            Op::RawRead => self.read(|tested| raw_read(&tested.timer), Lag::Refresh),
            Op::ReadDuplicate => self.read(|tested| raw_read(&tested.duplicate), Lag::Refresh),
            Op::Poll => self.poll(),
            Op::Duplicate => {
                self.duplicate = self.duplicate.try_clone().unwrap();
                DONE
            }
            Op::SetNonblocking(on) => {
                let mode = if on { OFlag::O_NONBLOCK } else { OFlag::empty() };
                fcntl(&self.timer, FcntlArg::F_SETFL(mode)).unwrap();
                self.nonblocking = on;
                DONE
            }
            Op::Sleep(_) => DONE,
        }
    }

    fn settime(&mut self, spec: TimerSpec) -> Checked<Outcome> {
        let runs_on = match (self.timer.clock(), spec.initial()) {
            (Clock::Realtime, Initial::After(_)) => Clock::Monotonic,
            (clock, _) => clock,
        };
        let before = nanos_of(runs_on);
        let (old, window_of_old) = self.call(|tested| tested.timer.replace(&spec));
        let after = nanos_of(runs_on);
        let reported = self.reported(old, &window_of_old)?;
        let first = match spec.initial() {
            Initial::After(delay) => Some(before + nanos(delay)..=after + nanos(delay)),
            Initial::At(time) => {
                let time = nanos(time.since_zero());
                Some(time..=time)
            }
            _ => None,
        };
        self.setting = Setting::new(first, nanos(spec.interval()));
        (self.runs_on, self.read, self.has_expired) = (runs_on, 0, false);
        Ok(reported)
    }

    fn read(&mut self, read: impl FnOnce(&Tested) -> io::Result<u64>, lag: Lag) -> Checked<Outcome> {
        let now = self.now();
        let is_sure = self.is_fast() || *self.setting.expirations(&(now..=now)).start() > self.read;
        if !self.nonblocking && !is_sure {
            return Ok(Ok(Exact::AsTheClockSays)); // the read would block
        }
        let (result, window) = self.call(read);
        let counts = self.setting.expirations(&window);
        let is_certain = self.is_certain(&window);
        match result.map_err(|e| e.raw_os_error().unwrap()) {
            Ok(count) => {
                let total = self.read + u128::from(count);
                let least = if lag == Lag::Refresh && !is_certain { self.read + 1 } else { *counts.start() };
                if count == 0 || !(least..=*counts.end()).contains(&total) {
                    return Err(
                        self.contradiction(format_args!("a read gave {count}, and in all {counts:?} had expired"))
                    );
                }
                self.read = total;
                Ok(Ok(if is_certain { Exact::Count(count) } else { Exact::AsTheClockSays }))
            }
            Err(EAGAIN) if is_certain && *counts.end() > self.read => {
                Err(self.contradiction("nothing to read, though expired"))
            }
            // The kernel may not have noticed the expiration yet.
            Err(EAGAIN) if lag == Lag::None && *counts.start() > self.read && !self.is_kernel() => {
                Err(self.contradiction("nothing to read, though expired by the clock"))
            }
            Err(EAGAIN) if !is_certain => Ok(Ok(Exact::AsTheClockSays)),
            Err(errno) => Ok(Err(errno)),
        }
    }

    fn poll(&mut self) -> Checked<Outcome> {
        let (readable, window) = self.call(|tested| is_readable(&tested.timer));
        if self.is_certain(&window) {
            let is_due = *self.setting.expirations(&window).end() > self.read;
            return if readable == is_due {
                Ok(Ok(Exact::Readable(readable)))
            } else {
                Err(self.contradiction(readable))
            };
        }
        if self.is_fast() && !polled(&self.timer, FOR_EVER).contains(PollFlags::POLLIN) {
            return Err(self.contradiction("never readable again"));
        }
        Ok(Ok(Exact::AsTheClockSays))
    }

    /// Checks the report of a call that was made in this window.
    fn reported(&self, result: io::Result<TimerSpec>, window: &Window) -> Checked<Outcome> {
        let spec = match result {
            Ok(spec) => spec,
            Err(e) => return Ok(Err(e.raw_os_error().unwrap())),
        };
        let left = match spec.initial() {
            Initial::After(left) => Some(left.as_nanos()),
            _ => None,
        };
        let (allowed, is_certain) = (self.setting.left(window), self.is_certain(window));
        // Between an expiration and its interrupt, Linux reports no remaining time.
        let is_unnoticed = self.is_kernel() && !is_certain && left.is_none();
        if spec.interval().as_nanos() != self.setting.interval() || !(allowed.allows(left) || is_unnoticed) {
            return Err(self.contradiction(format_args!("{spec:?} was reported; to be left: {allowed:?}")));
        }
        let exact = Exact::Reported { is_armed: left.is_some(), interval: spec.interval() };
        Ok(Ok(if is_certain { exact } else { Exact::AsTheClockSays }))
    }

    /// Whether the timer expires so often that the count depends on timing.
    fn is_fast(&self) -> bool {
        self.has_expired && (1..=u128::from(SOON)).contains(&self.setting.interval())
    }

    fn is_kernel(&self) -> bool {
        self.backend.name() == "kernel"
    }
}

/// Returns the time of the clock in nanoseconds.
fn nanos_of(clock: Clock) -> u128 {
    clock.now().unwrap().since_zero().as_nanos()
}

/// Returns the duration in nanoseconds, at most the second that contains 2⁶³.
fn nanos(duration: Duration) -> u128 {
    if duration.as_secs() < 9_223_372_036 {
        duration.as_nanos()
    } else {
        i64::MAX as u128
    }
}
