//! The timer thread: rests until the nearest time that something is due, then has it looked at.

use std::io;
use std::time::Duration;

use super::agenda::{time, Agenda, Rest};
use super::lead::Lesson;
use super::options;
use super::post::Post;
use super::registry::{Entry, Ownerless, Registry};
use super::taken::{Reason, Taken};
use crate::backends::emulation::calls::World;
use crate::backends::emulation::line::{Line, Urgency, CLOCKS};
use crate::backends::emulation::queue::Key;
use crate::backends::emulation::schedule::NEVER;
use crate::backends::emulation::step::StepDetector;
use crate::backends::sys;
use crate::backends::sys::fd::Identity;
use crate::backends::sys::short_lived::release_number;
use crate::backends::sys::sync::{
    self, Arc, AtomicBool, Event, Instant, Mutex, MutexGuard, Ordering, Parker, PoisonError, Receiver, Sender,
};
use crate::clock::Clock;

/// What the thread can look at.
pub(super) trait Look: Ownerless + Send + Sync + 'static {
    /// The time has come for which the thing stood in the agenda, where it no longer stands.
    /// Returns `false`, and does nothing, if a caller has its lock.
    fn look(self: &Arc<Self>, due: u64) -> bool;
    /// The wall clock may have been stepped.
    fn look_for_step(self: &Arc<Self>);
}

/// One thread, and all that it is to look at.
pub(super) struct Engine<T> {
    agenda: Mutex<Agenda<T>>,
    /// Wakes the thread, to look at the agenda anew.
    doorbell: Sender<()>,
    /// The thread's end of the doorbell.
    door: Receiver<()>,
    /// Where the thread sleeps.
    parker: Parker,
    /// Held while the thread is being started.
    starting: Mutex<()>,
    /// Set when the thread has begun: then it makes no more calls that only a new thread makes.
    begun: Event,
    /// Changes to false under the agenda's lock, and only while nothing is alive.
    runs: AtomicBool,
    /// Whether the thread is to stay when nothing is alive.
    stays: AtomicBool,
    steps: Mutex<StepDetector>,
    pub(super) post: Post,
    pub(super) registry: Registry<T>,
}

impl<T: Look> Engine<T> {
    pub(super) fn new() -> Engine<T> {
        let (doorbell, door) = sync::bounded(1);
        Engine {
            agenda: Mutex::new(Agenda::new()),
            doorbell,
            door,
            parker: Parker::new(),
            starting: Mutex::new(()),
            begun: Event::new(),
            runs: AtomicBool::new(false),
            stays: AtomicBool::new(false),
            steps: Mutex::default(),
            post: Post::default(),
            registry: Registry::new(),
        }
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
            self.begun.set(false);
            sys::thread::spawn(self, options::fix())?;
            self.runs.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Starts the thread, unless it runs, and waits until it has begun. It never ends.
    pub(super) fn start_for_good(&'static self) -> io::Result<()> {
        let key = (!self.stays.swap(true, Ordering::Relaxed)).then(|| self.enlist());
        let started = self.start();
        match (&started, key) {
            (Ok(()), _) => self.begun.wait(),
            (Err(_), Some(key)) => {
                self.discharge(key);
                self.stays.store(false, Ordering::Relaxed);
            }
            (Err(_), None) => {}
        }
        started
    }

    /// Moves a timer to this queue, wherever it was, and wakes the thread if it sleeps for too long
    /// now.
    pub(super) fn move_to(&self, key: Key, place: (Line, u64), thing: &Arc<T>) {
        let mut agenda = self.agenda();
        if agenda.enqueue(key, place, thing) && agenda.rests_past(place.0, place.1) {
            self.ring(agenda);
        }
    }

    /// Takes a timer out of its queue.
    pub(super) fn remove(&self, key: Key) {
        self.agenda().dequeue(key);
    }

    /// Registers one more timer, which the thread may be needed for.
    pub(super) fn enlist(&self) -> Key {
        self.free_given_back();
        self.agenda().enlist()
    }

    /// Drops the references that the thread has left to its callers, without the lock. Not to be
    /// called by the thread, which must not free.
    pub(super) fn free_given_back(&self) {
        while let Some(thing) = { self.agenda().given_back() } {
            drop(thing);
        }
    }

    /// Unregisters a timer. Without any the thread ends.
    pub(super) fn discharge(&self, key: Key) {
        let mut agenda = self.agenda();
        let thing = agenda.discharge(key);
        if agenda.end().is_some_and(|end| end < agenda.rests_until) {
            self.ring(agenda);
        } else {
            drop(agenda);
        }
        drop(thing);
    }

    /// Has a timer processed whenever the wall clock may have been changed.
    pub(super) fn watch_steps(&self, key: Key, thing: &Arc<T>) {
        let mut agenda = self.agenda();
        let is_first = !agenda.has_watchers();
        agenda.watch_steps(key, thing);
        if is_first && agenda.rests_until > 0 {
            self.ring(agenda);
        }
    }

    /// No longer has it processed then.
    pub(super) fn unwatch_steps(&self, key: Key) {
        self.agenda().unwatch_steps(key);
    }

    /// Makes a thing known by the identity of its descriptors, unless there is one of that.
    pub(super) fn register(&self, identity: Identity, entry: Entry<T>) -> bool {
        let is_new = self.registry.insert(identity, entry);
        let mut agenda = self.agenda();
        agenda.rounds.come_soon(time(Clock::Monotonic));
        if agenda.rounds.at().is_some_and(|at| at < agenda.rests_until) {
            self.ring(agenda);
        }
        is_new
    }

    /// Calls the thread to work, once until it rests again.
    fn ring(&self, mut agenda: MutexGuard<'_, Agenda<T>>) {
        agenda.rests_until = 0;
        drop(agenda);
        // A full channel means that the bell rings already, and no thread ever waits in it: it
        // works where thread-local values are gone, in the last destructors of a thread.
        let _ = self.doorbell.try_send(());
        self.parker.unpark();
    }

    /// The thread. It neither allocates nor frees, except where it searches for descriptors: see
    /// [`Agenda`].
    fn run(&self) {
        self.begun.set(true);
        let mut taken = Taken::new();
        let mut steps = 0;
        while let Some(lesson) = self.rest(&mut taken) {
            let (has_watchers, is_round) = self.process_due(lesson, &mut taken);
            if has_watchers {
                self.look_for_steps(&mut steps, &mut taken);
            }
            if is_round {
                let found = self.registry.look_at_all();
                let left = !self.registry.is_empty();
                self.agenda().rounds.made(found, left, time(Clock::Monotonic));
            }
        }
        if self.registry.is_empty() {
            release_number();
        }
    }

    /// Processes the timers that are due. Returns whether any timer waits for clock changes, and
    /// whether it is time to look for abandoned ones. From here to the next rest no caller need
    /// ring.
    fn process_due(&self, lesson: Lesson, taken: &mut Taken<T>) -> (bool, bool) {
        let mut agenda = self.agenda();
        agenda.rests_until = 0;
        agenda.lead.learn(lesson);
        // Timers that become due meanwhile come the next time, so that this ends.
        let mut times = [u64::MAX; CLOCKS.len()];
        loop {
            agenda.take_due(&mut times, taken);
            if !taken.is_empty() {
                agenda = self.process(agenda, taken);
                continue;
            }
            agenda.take_unread(&times, taken);
            if taken.is_empty() {
                break;
            }
            agenda = self.refresh(agenda, taken);
        }
        let now = time(Clock::Monotonic);
        agenda.take_busy(now, taken);
        agenda = self.process(agenda, taken);
        (agenda.has_watchers(), agenda.rounds.at().is_some_and(|at| at <= now))
    }

    /// Processes timers whose counts have stayed unread for long, and takes note of what that cost.
    fn refresh<'a>(&'a self, agenda: MutexGuard<'a, Agenda<T>>, taken: &mut Taken<T>) -> MutexGuard<'a, Agenda<T>> {
        let begun = sys::clock::thread_cpu_time();
        let mut agenda = self.process(agenda, taken);
        let took = sys::clock::thread_cpu_time().saturating_sub(begun);
        agenda.refreshes.made(time(Clock::Monotonic), took, sys::clock::refresh_pause());
        agenda
    }

    /// Processes the timers that were taken, with the agenda unlocked, and gives them back.
    fn process<'a>(&'a self, agenda: MutexGuard<'a, Agenda<T>>, taken: &mut Taken<T>) -> MutexGuard<'a, Agenda<T>> {
        drop(agenda);
        for (reason, timer) in taken.iter_mut() {
            match *reason {
                Reason::IsDue(due) if !timer.look(due) => *reason = Reason::IsBusy(due),
                Reason::ClockChange => timer.look_for_step(),
                _ => {}
            }
        }
        let mut agenda = self.agenda();
        agenda.give_back(taken);
        agenda
    }

    fn look_for_steps(&self, known: &mut u64, taken: &mut Taken<T>) {
        let steps = self.steps();
        if std::mem::replace(known, steps) == steps {
            return;
        }
        let mut agenda = self.agenda();
        let mut number = agenda.take_watchers(0, taken);
        while !taken.is_empty() {
            agenda = self.process(agenda, taken);
            number = agenda.take_watchers(number, taken);
        }
    }

    /// Rests until something is due or the bell rings, and what that teaches; `None` once the
    /// thread is to end.
    fn rest(&self, taken: &mut Taken<T>) -> Option<Lesson> {
        let (rest, until, here, now) = self.plan(taken)?;
        let deadline = (until < NEVER).then(|| here.checked_add(Duration::from_nanos(until.saturating_sub(now))));
        let is_rung = self.wait_at_the_door(rest, deadline.flatten());
        let up = time(Clock::Monotonic);
        Some(match rest {
            Rest::Sleep if !is_rung => Lesson::Overslept(up.saturating_sub(until)),
            Rest::Hold(Line { urgency: Urgency::Adaptive, .. }, _) => Lesson::Held(up.saturating_sub(now)),
            _ => Lesson::Nothing,
        })
    }

    /// How to rest and until when, and the time now by both clocks of the thread; `None` if it is
    /// to end.
    fn plan(&self, taken: &mut Taken<T>) -> Option<(Rest, u64, Instant, u64)> {
        let mut looked_at = None;
        let mut agenda = self.agenda();
        loop {
            let here = Instant::now();
            let now = time(Clock::Monotonic);
            if agenda.end().is_some_and(|end| end <= now) {
                // Under the lock, so that whoever comes after this starts a thread anew.
                self.runs.store(false, Ordering::Relaxed);
                return None;
            }
            let (rest, until) = agenda.rest(now);
            match rest {
                // It may have been put off, or turned off, since it came to stand there.
                Rest::Hold(line, place) if until > now && looked_at != Some((line, place)) => {
                    agenda.rests_until = 0;
                    agenda.take_early(place, taken);
                    agenda = self.process(agenda, taken);
                    looked_at = Some((line, place));
                }
                _ => return Some((rest, until, here, now)),
            }
        }
    }

    /// Waits for the bell (`true`) or the deadline.
    fn wait_at_the_door(&self, rest: Rest, deadline: Option<Instant>) -> bool {
        let wait = || match rest {
            Rest::Sleep => self.parker.park(deadline),
            Rest::Hold(..) => sync::hold(deadline),
        };
        while self.door.try_recv().is_err() {
            if !wait() {
                return false;
            }
        }
        true
    }
}

impl<T: Look> sys::thread::Body for Engine<T> {
    fn run(&'static self) {
        Engine::run(self);
    }
}

impl<T: Look> World for Engine<T> {
    #[inline]
    fn time(&self, clock: Clock) -> u64 {
        time(clock)
    }

    fn steps(&self) -> u64 {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.look(sys::clock::wall_offset(), sys::clock::max_slew_ppm())
    }
}
