//! A naive set: a list that is searched and sorted, on clocks whose times are arguments.

use crate::on_wall_clock;
use portable_timerfd::timer_set::Key;
use portable_timerfd::{Clock, ClockTime, Initial, TimerSpec};
use std::cmp::Reverse;
use std::time::Duration;

const NEVER: Duration = Duration::from_nanos(i64::MAX as u64);

#[derive(Debug)]
pub struct Entry {
    pub key: Key,
    pub deadline: ClockTime,
    pub interval: Duration,
    pub value: u32,
}

/// What a drain returns: the key, the deadline, the count, and the value.
pub type Taken = (Key, ClockTime, u64, Option<u32>);

/// The times of all clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now(pub [ClockTime; 3]);

impl Now {
    pub fn of(self, clock: Clock) -> ClockTime {
        self.0.into_iter().find(|time| time.clock() == clock.without_alarm()).unwrap()
    }

    /// Returns the nanoseconds from now until a time. They are negative if the time has passed.
    pub fn until(self, time: ClockTime) -> i128 {
        time.since_zero().as_nanos() as i128 - self.of(time.clock()).since_zero().as_nanos() as i128
    }
}

#[derive(Debug)]
pub struct Naive {
    /// In the order of insertion.
    pub entries: Vec<Entry>,
    /// When the present drain began, and the entries that it has not returned yet.
    pub batch: Option<(Now, Vec<Key>)>,
    steady: Clock,
}

impl Naive {
    pub fn new(clock: Clock) -> Naive {
        let steady = match clock {
            Clock::Realtime => Clock::Monotonic,
            Clock::RealtimeAlarm => Clock::Boottime,
            other => other,
        };
        Naive { entries: Vec::new(), batch: None, steady }
    }

    pub fn steady(&self) -> Clock {
        self.steady
    }

    fn deadline(&self, spec: &TimerSpec, now: Now) -> ClockTime {
        let time = match spec.initial() {
            Initial::At(time) => time,
            Initial::After(delay) => now.of(self.steady) + delay,
            _ => ClockTime::new(self.steady, NEVER),
        };
        ClockTime::new(time.clock(), time.since_zero().min(NEVER))
    }

    pub fn insert(&mut self, key: Key, spec: &TimerSpec, now: Now, value: u32) {
        let deadline = self.deadline(spec, now);
        self.entries.push(Entry { key, deadline, interval: spec.interval(), value });
    }

    pub fn rearm(&mut self, key: Key, spec: &TimerSpec, now: Now) {
        let deadline = self.deadline(spec, now);
        self.leave_batch(key);
        let entry = self.entries.iter_mut().find(|entry| entry.key == key).unwrap();
        (entry.deadline, entry.interval) = (deadline, spec.interval());
    }

    pub fn remove(&mut self, key: Key) -> u32 {
        self.leave_batch(key);
        let index = self.entries.iter().position(|entry| entry.key == key).unwrap();
        self.entries.remove(index).value
    }

    fn leave_batch(&mut self, key: Key) {
        self.batch.iter_mut().for_each(|(_, batch)| batch.retain(|&other| other != key));
    }

    pub fn begin(&mut self, now: Now) {
        let mut due: Vec<&Entry> = self.entries.iter().filter(|entry| now.until(entry.deadline) <= 0).collect();
        // Entries that have been due for the longest time come first. The sort is stable.
        due.sort_by_key(|entry| Reverse(-now.until(entry.deadline)));
        self.batch = Some((now, due.into_iter().map(|entry| entry.key).collect()));
    }

    /// Returns the next entry of the present drain.
    pub fn next(&mut self) -> Option<Taken> {
        let (now, batch) = self.batch.as_mut()?;
        if batch.is_empty() {
            return None;
        }
        let (now, key) = (*now, batch.remove(0));
        let index = self.entries.iter().position(|entry| entry.key == key).unwrap();
        let entry = &mut self.entries[index];
        let deadline = entry.deadline;
        if entry.interval.is_zero() {
            return Some((key, deadline, 1, Some(self.entries.remove(index).value)));
        }
        let interval = entry.interval.as_nanos();
        let count = (-now.until(deadline)) as u128 / interval + 1;
        let next = deadline.since_zero().as_nanos() + count * interval;
        let next = Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX)).min(NEVER);
        entry.deadline = ClockTime::new(deadline.clock(), next);
        Some((key, deadline, count as u64, None))
    }

    /// Returns the nanoseconds until the first deadline.
    pub fn until_first(&self, now: Now) -> Option<i128> {
        self.until_first_where(now, |_| true)
    }

    /// The same if durations are converted to the wall clock. It differs only on platforms that slew
    /// that clock alone.
    pub fn until_first_on_wall_clock(&self, now: Now) -> Option<i128> {
        let steady = self.until_first_where(now, |clock| clock == self.steady).map(|until| match until {
            0.. => on_wall_clock(Duration::from_nanos(until as u64)).as_nanos() as i128,
            _ => until,
        });
        self.until_first_where(now, |clock| clock == Clock::Realtime).into_iter().chain(steady).min()
    }

    fn until_first_where(&self, now: Now, is_on: impl Fn(Clock) -> bool) -> Option<i128> {
        let armed = self.entries.iter().filter(|entry| entry.deadline.since_zero() < NEVER);
        let on_clock = armed.filter(|entry| is_on(entry.deadline.clock()));
        on_clock.map(|entry| now.until(entry.deadline)).min()
    }
}
