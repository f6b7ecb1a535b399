//! Plays random scripts on a set in simulated time and on the naive model, call by call.
//!
//! `TIMER_SET_SCRIPTS=1000000 cargo test --release --test timer_set play` makes a long run.

use crate::common::is_readable;
use crate::model::{Naive, Now};
use crate::probe::Probe;
use crate::random::{number_from_env, play_many};
use crate::script::{script, spec, Op, Script, When};
use portable_timerfd::timer_set::Key;
use portable_timerfd::{is_clock_change, Clock, ClockTime, SimulatedClock, Timer, TimerSet, TimerSpec};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const CLOCKS: [Clock; 3] = [Clock::Monotonic, Clock::Boottime, Clock::Realtime];

struct Comparison {
    simulated: SimulatedClock,
    set: TimerSet<u32, Probe>,
    naive: Naive,
    gone: Vec<Key>,
    inserted: u32,
    reports: bool,
    is_changed: bool,
    /// Whether the wall clock was changed since the last drain. The set may then set its timer again.
    may_repeat: bool,
}

/// Returns an error with a message if the condition does not hold.
fn check(condition: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(message())
    }
}

impl Comparison {
    fn new(clock: Clock) -> Comparison {
        let simulated = SimulatedClock::new();
        let set = TimerSet::with_timer(Probe::new(simulated.timer(clock).unwrap())).unwrap();
        let naive = Naive::new(clock);
        Comparison {
            simulated,
            set,
            naive,
            gone: Vec::new(),
            inserted: 0,
            reports: false,
            is_changed: false,
            may_repeat: false,
        }
    }

    fn now(&self) -> Now {
        Now(CLOCKS.map(|clock| self.simulated.now(clock)))
    }

    fn spec(&self, when: When) -> TimerSpec {
        spec(when, self.now().of(self.naive.steady()), self.now().of(self.set.timer().clock()))
    }

    fn key(&self, which: usize) -> Option<Key> {
        let entries = &self.naive.entries;
        (!entries.is_empty()).then(|| entries[which % entries.len()].key)
    }

    fn play(&mut self, op: Op) -> Result<(), String> {
        self.set.timer().take_counts();
        match op {
            Op::Insert(when) => self.insert(when)?,
            Op::Rearm(which, when) => self.key(which).map_or(Ok(()), |key| self.rearm(key, when))?,
            Op::Remove(which) => self.key(which).map_or(Ok(()), |key| self.remove(key))?,
            Op::UseGone(which) => self.use_gone(which)?,
            Op::Take(many) => drop((0..many).map(|_| self.take()).find(|more| *more != Ok(true)).transpose()?),
            Op::Drain => while self.take()? {},
            Op::Clear => self.clear(),
            Op::Report(report) => self.report(report)?,
            Op::Fail(after, many) => {
                self.set.timer().succeeding.store(after, Relaxed);
                self.set.timer().failing.store(many, Relaxed);
            }
            other => self.change_clocks(other),
        }
        self.check()
    }

    fn change_clocks(&mut self, op: Op) {
        let before = self.now();
        match op {
            Op::Pass(by) => self.simulated.advance(Duration::from_nanos(by)),
            Op::PassToNext => drop(self.simulated.advance_to_next()),
            Op::Suspend(by) => drop(self.simulated.suspend(Duration::from_nanos(by))),
            Op::Step(by) => {
                let nanos = before.of(Clock::Realtime).since_zero().as_nanos() as u64;
                let time = Duration::from_nanos(nanos.saturating_add_signed(by));
                self.simulated.set_realtime(ClockTime::new(Clock::Realtime, time)).unwrap();
            }
            _ => {}
        }
        let offset = |now: Now| now.until(before.of(Clock::Realtime)) - now.until(before.of(Clock::Monotonic));
        let is_change = offset(before) != offset(self.now());
        self.may_repeat |= is_change;
        self.is_changed |= is_change && self.reports;
    }

    fn insert(&mut self, when: When) -> Result<(), String> {
        let (spec, now) = (self.spec(when), self.now());
        match self.set.insert(&spec, self.inserted) {
            Ok(key) => {
                check(!self.gone.contains(&key), || format!("{key:?} again"))?;
                self.naive.insert(key, &spec, now, self.inserted);
                self.inserted += 1;
            }
            Err(e) => check(e.raw_os_error() == Some(nix::libc::ENOMEM), || format!("insert: {e}"))?,
        }
        Ok(())
    }

    fn rearm(&mut self, key: Key, when: When) -> Result<(), String> {
        let (spec, now) = (self.spec(when), self.now());
        let before = self.set.deadline(key).unwrap();
        match self.set.rearm(key, &spec) {
            Ok(found) => check(found, || format!("{key:?} not found"))?,
            Err(e) => return check(e.raw_os_error() == Some(nix::libc::ENOMEM), || format!("rearm: {e}")),
        }
        self.naive.rearm(key, &spec, now);
        let [sets, ..] = self.set.timer().take_counts();
        let is_later = self.set.deadline(key) >= Some(before);
        check(!is_later || sets == 0, || "re-armed to a later time by a system call".to_owned())
    }

    fn remove(&mut self, key: Key) -> Result<(), String> {
        let (ours, naive) = (self.set.remove(key), self.naive.remove(key));
        self.gone.push(key);
        check(ours == Some(naive), || format!("removed {ours:?}, not {naive}"))?;
        check(self.set.timer().take_counts() == [0; 3], || "removed by a system call".to_owned())
    }

    fn use_gone(&mut self, which: usize) -> Result<(), String> {
        let Some(&key) = self.gone.get(which % self.gone.len().max(1)) else { return Ok(()) };
        let used = (self.set.rearm_after(key, Duration::ZERO).unwrap(), self.set.get(key), self.set.deadline(key));
        check(used == (false, None, None), || format!("{key:?} is found"))?;
        check(self.set.remove(key).is_none() && !self.set.contains_key(key), || format!("{key:?} is found"))
    }

    fn clear(&mut self) {
        self.set.clear();
        self.gone.extend(self.naive.entries.drain(..).map(|entry| entry.key));
        self.naive.batch = None;
    }

    fn report(&mut self, report: bool) -> Result<(), String> {
        let result = self.set.report_clock_changes(report);
        if result.is_ok() {
            let can_report = self.set.timer().clock().without_alarm() == Clock::Realtime;
            self.is_changed &= report && self.reports;
            self.reports = report && can_report;
        }
        Ok(())
    }

    /// Calls `next_expired`. Returns whether an entry was due.
    fn take(&mut self) -> Result<bool, String> {
        let (now, was_readable) = (self.now(), is_readable(&self.set));
        let is_new = self.naive.batch.is_none();
        let ours = self.set.next_expired();
        if matches!(&ours, Err(e) if !is_clock_change(e)) {
            // The drain has not begun, or it has ended.
            let has_left = self.naive.batch.as_ref().is_some_and(|(_, batch)| !batch.is_empty());
            self.naive.batch = None;
            return check(!has_left, || format!("{ours:?}")).map(|()| false);
        }
        if is_new {
            self.naive.begin(now);
        }
        let naive = self.naive.next();
        let is_change = ours.is_err();
        let ours = ours.unwrap_or(None).map(|taken| (taken.key, taken.deadline, taken.count, taken.value));
        check(ours == naive, || format!("expired: {ours:?}, not {naive:?}"))?;
        self.gone.extend(ours.filter(|taken| taken.3.is_some()).map(|taken| taken.0));
        match ours {
            Some((_, deadline, ..)) => {
                check(was_readable || now.until(deadline) > 0, || "not readable before an entry was taken".to_owned())?
            }
            None => self.end_drain(is_change)?,
        }
        Ok(ours.is_some())
    }

    fn end_drain(&mut self, is_change: bool) -> Result<(), String> {
        self.naive.batch = None;
        check(is_change == std::mem::take(&mut self.is_changed), || format!("a clock change: {is_change}"))?;
        let until = self.naive.until_first(self.now());
        let early = self.naive.until_first_on_wall_clock(self.now());
        let readable = is_readable(&self.set);
        check(readable == until.is_some_and(|until| until <= 0), || format!("after a drain: readable: {readable}"))?;
        let [sets, reads, _] = self.set.timer().take_counts();
        let next = self.simulated.next_expiration().map(|next| next.as_nanos() as i128);
        let is_exact = readable || next == until || next == early;
        // A set that could not be readable does not set its timer.
        let or_never = |time: Option<i128>| time.unwrap_or(i128::MAX);
        let may_be_early = sets == 0 && or_never(next) <= or_never(until);
        check(is_exact || may_be_early, || format!("the next time to wake up is {next:?}, not {until:?}"))?;
        let most = 1 + u64::from(std::mem::take(&mut self.may_repeat));
        check(sets <= most, || format!("{sets} sets"))?;
        check(reads == 0, || format!("{reads} reads"))
    }

    /// Checks what holds after every call.
    fn check(&mut self) -> Result<(), String> {
        let failing = self.set.timer().failing.swap(0, Relaxed);
        let is_due = self.naive.entries.iter().any(|entry| self.now().until(entry.deadline) <= 0);
        let readable = is_readable(&self.set);
        check(readable || !(is_due || self.is_changed), || "something is due, but not readable".to_owned())?;
        check(self.set.len() == self.naive.entries.len(), || format!("{} entries", self.set.len()))?;
        let first = self.set.next_deadline().unwrap().map(|first| self.now().until(first));
        check(first == self.naive.until_first(self.now()), || format!("the first deadline is in {first:?}"))?;
        for entry in &self.naive.entries {
            let ours = (self.set.get(entry.key), self.set.deadline(entry.key));
            check(ours == (Some(&entry.value), Some(entry.deadline)), || format!("{ours:?}, not {entry:?}"))?;
        }
        self.set.timer().failing.store(failing, Relaxed);
        Ok(())
    }
}

fn play(script: &Script) -> Result<(), String> {
    let mut comparison = Comparison::new(script.clock);
    let mut log = String::new();
    for op in &script.ops {
        log += &format!("    {:?} {op:?}\n", comparison.now().0.map(|time| time.since_zero()));
        comparison.play(*op).map_err(|e| format!("{e}\n{log}{:#?}", comparison.naive))?;
    }
    Ok(())
}

#[test]
fn scripts_match_a_naive_set() {
    play_many(&script(), number_from_env("TIMER_SET_SCRIPTS", 2_000), play);
}
