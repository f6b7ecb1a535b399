//! The timer thread: sleeps until the nearest time that something is due, then has it looked at.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::queue::{Place, Queue};
use super::schedule::{nanos, NEVER};
use super::step::StepDetector;
use crate::backends::sys;
use crate::clock::Clock;

/// The longest sleep while something hangs on a clock that is not the one the thread sleeps by: such a clock can jump,
/// and nobody says so.
const LONGEST_BLIND_SLEEP: u64 = 250_000_000;

/// What the thread can look at.
pub(super) trait Look: Send + Sync + 'static {
    /// The time of the place, where the thing no longer stands, has come.
    fn look(self: Arc<Self>, clock: Clock, place: Place);
    /// The wall clock may have been stepped.
    fn look_for_step(&self);
}

/// One thread, and all that it is to look at.
pub(super) struct Engine<T> {
    agenda: Mutex<Agenda<T>>,
    /// Wakes the thread, to look at the agenda anew.
    doorbell: Sender<()>,
    /// The thread's end of the doorbell.
    door: Receiver<()>,
    /// Held while the thread is being started.
    starting: Mutex<()>,
    runs: AtomicBool,
    steps: Mutex<StepDetector>,
    last_id: AtomicU64,
}

/// All things, each with a time or waiting for steps of the wall clock.
struct Agenda<T> {
    monotonic: Queue<Arc<T>>,
    realtime: Queue<Arc<T>>,
    boottime: Queue<Arc<T>>,
    step_watchers: BTreeMap<u64, Arc<T>>,
    /// Until when the thread sleeps, by the monotonic clock; 0 while it is awake.
    sleeps_until: u64,
}

impl<T> Agenda<T> {
    fn queue(&mut self, clock: Clock) -> &mut Queue<Arc<T>> {
        match clock.without_alarm() {
            Clock::Realtime => &mut self.realtime,
            Clock::Boottime => &mut self.boottime,
            _ => &mut self.monotonic,
        }
    }

    /// When the thread must be up, by the monotonic clock.
    fn wake_up(&self, now: u64) -> u64 {
        let on = |queue: &Queue<_>, clock| queue.first().map(|first| to_monotonic(clock, first.due, || now));
        let blind = (!self.step_watchers.is_empty()).then(|| now.saturating_add(LONGEST_BLIND_SLEEP));
        [
            on(&self.monotonic, Clock::Monotonic),
            on(&self.realtime, Clock::Realtime),
            on(&self.boottime, Clock::Boottime),
        ]
        .into_iter()
        .chain([blind])
        .flatten()
        .min()
        .unwrap_or(NEVER)
    }

    /// Whether the thread sleeps past the time that something is due.
    fn sleeps_past(&self, clock: Clock, due: u64) -> bool {
        to_monotonic(clock, due, || time(Clock::Monotonic)) < self.sleeps_until
    }
}

/// The time to wake up, by the monotonic clock, for something due by another.
fn to_monotonic(clock: Clock, due: u64, now: impl FnOnce() -> u64) -> u64 {
    if clock == Clock::Monotonic {
        return due;
    }
    now().saturating_add(due.saturating_sub(time(clock)).min(LONGEST_BLIND_SLEEP))
}

/// The present time of a clock that is known to be there, in nanoseconds.
#[inline]
pub(super) fn time(clock: Clock) -> u64 {
    clock.now().map_or(0, nanos)
}

impl<T: Look> Engine<T> {
    pub(super) fn new() -> Engine<T> {
        let (doorbell, door) = crossbeam_channel::bounded(1);
        let agenda = Agenda {
            monotonic: Queue::new(),
            realtime: Queue::new(),
            boottime: Queue::new(),
            step_watchers: BTreeMap::new(),
            sleeps_until: 0,
        };
        Engine {
            agenda: Mutex::new(agenda),
            doorbell,
            door,
            starting: Mutex::new(()),
            runs: AtomicBool::new(false),
            steps: Mutex::default(),
            last_id: AtomicU64::new(0),
        }
    }

    /// A number that no other thing of this engine has.
    pub(super) fn new_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda<T>> {
        // No code of a user's runs under this lock, so a panic can't have left it half done.
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread, unless it runs.
    pub(super) fn start(&'static self) -> io::Result<()> {
        if self.runs.load(Ordering::Relaxed) {
            return Ok(());
        }
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.runs.load(Ordering::Relaxed) {
            sys::thread::spawn("timerfd", || self.run())?;
            self.runs.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The number of steps of the wall clock so far, as far as anybody looked.
    pub(super) fn steps(&self) -> u64 {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.look(sys::clock::wall_offset())
    }

    /// Moves a thing from the place where it may stand to another one.
    pub(super) fn move_to(&self, from: Option<(Clock, Place)>, (clock, place): (Clock, Place), thing: &Arc<T>) {
        let mut agenda = self.agenda();
        let found = from.and_then(|(clock, place)| agenda.queue(clock).remove(place));
        let queue = agenda.queue(clock);
        queue.insert(place, found.unwrap_or_else(|| Arc::clone(thing)));
        if queue.first() == Some(place) && agenda.sleeps_past(clock, place.due) {
            self.ring(agenda);
        }
    }

    /// Takes a thing out of the place where it may stand.
    pub(super) fn remove(&self, (clock, place): (Clock, Place)) {
        let found = self.agenda().queue(clock).remove(place);
        // The last hold on a thing may close descriptors: not under the lock.
        drop(found);
    }

    /// Has a thing looked at whenever the wall clock may have been stepped.
    pub(super) fn watch_steps(&self, id: u64, thing: &Arc<T>) {
        let mut agenda = self.agenda();
        let is_first = agenda.step_watchers.is_empty();
        agenda.step_watchers.insert(id, Arc::clone(thing));
        if is_first && agenda.sleeps_until > 0 {
            self.ring(agenda);
        }
    }

    /// No longer has it looked at.
    pub(super) fn unwatch_steps(&self, id: u64) {
        let found = self.agenda().step_watchers.remove(&id);
        drop(found);
    }

    /// Wakes the thread, once until it sleeps again.
    fn ring(&self, mut agenda: MutexGuard<'_, Agenda<T>>) {
        agenda.sleeps_until = 0;
        drop(agenda);
        // A full channel means that the bell rings already.
        let _ = self.doorbell.try_send(());
    }

    fn run(&self) {
        let mut due = Vec::new();
        let mut steps = 0;
        loop {
            self.take_due(&mut due);
            for (clock, place, thing) in due.drain(..) {
                thing.look(clock, place);
            }
            self.look_for_steps(&mut steps);
            self.sleep();
        }
    }

    /// Takes out what is due. From here to the next sleep nobody need ring.
    fn take_due(&self, due: &mut Vec<(Clock, Place, Arc<T>)>) {
        let mut agenda = self.agenda();
        agenda.sleeps_until = 0;
        for clock in [Clock::Monotonic, Clock::Realtime, Clock::Boottime] {
            let queue = agenda.queue(clock);
            if queue.first().is_none() {
                continue;
            }
            let now = time(clock);
            while let Some((place, thing)) = queue.pop_due(now) {
                due.push((clock, place, thing));
            }
        }
    }

    fn look_for_steps(&self, known: &mut u64) {
        if self.agenda().step_watchers.is_empty() {
            return;
        }
        let steps = self.steps();
        if std::mem::replace(known, steps) != steps {
            let watchers: Vec<Arc<T>> = self.agenda().step_watchers.values().cloned().collect();
            for watcher in watchers {
                watcher.look_for_step();
            }
        }
    }

    /// Sleeps until something is due or the bell rings.
    fn sleep(&self) {
        let mut agenda = self.agenda();
        let here = Instant::now();
        let now = time(Clock::Monotonic);
        let wake_up = agenda.wake_up(now);
        agenda.sleeps_until = wake_up;
        drop(agenda);
        // It doesn't matter which of the two ended the sleep, nor can the sender be gone: it stands beside the agenda.
        let _ = match here.checked_add(Duration::from_nanos(wake_up.saturating_sub(now))) {
            Some(deadline) if wake_up < NEVER => self.door.recv_deadline(deadline).ok(),
            _ => self.door.recv().ok(),
        };
    }
}
