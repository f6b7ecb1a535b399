//! The timer thread: rests until the nearest time that something is due, then has it looked at.

use std::io;
use std::time::Duration;

use super::agenda::{time, Agenda, Rest};
use super::lead::Lesson;
use super::options;
use super::post::Post;
use super::registry::{Entry, Ownerless, Registry};
use crate::backends::emulation::calls::World;
use crate::backends::emulation::line::Line;
use crate::backends::emulation::queue::Place;
use crate::backends::emulation::schedule::NEVER;
use crate::backends::emulation::step::StepDetector;
use crate::backends::sys;
use crate::backends::sys::fd::Identity;
use crate::backends::sys::short_lived::release_number;
use crate::backends::sys::sync::{
    self, Arc, AtomicBool, Instant, Mutex, MutexGuard, Ordering, Parker, PoisonError, Receiver, Sender,
};
use crate::clock::Clock;
use crate::punctuality::Punctuality;

/// What the thread can look at.
pub(super) trait Look: Ownerless + Send + Sync + 'static {
    /// The time has come for which the thing stood in the agenda, where it no longer stands.
    fn look(self: Arc<Self>, place: (Line, u64));
    /// The wall clock may have been stepped.
    fn look_for_step(self: Arc<Self>);
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
            sys::thread::spawn(self, options::fix())?;
            self.runs.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The same, and the thread never ends.
    pub(super) fn start_for_good(&'static self) -> io::Result<()> {
        if self.stays.swap(true, Ordering::Relaxed) {
            return self.start();
        }
        let id = self.enlist();
        self.start().map_err(|e| {
            self.discharge(id, None);
            self.stays.store(false, Ordering::Relaxed);
            e
        })
    }

    /// Moves a thing of this number from the place where it may stand to another one.
    pub(super) fn move_to(&self, id: u64, from: Option<(Line, u64)>, (line, due): (Line, u64), thing: &Arc<T>) {
        let mut agenda = self.agenda();
        let found = from.and_then(|(line, due)| agenda.queue(line).remove(Place { due, id }));
        let queue = agenda.queue(line);
        let place = Place { due, id };
        queue.insert(place, found.unwrap_or_else(|| Arc::clone(thing)));
        if queue.first() == Some(place) && agenda.rests_past(line, due) {
            self.ring(agenda);
        }
    }

    /// Takes a thing of this number out of the place where it stands.
    pub(super) fn remove(&self, id: u64, (line, due): (Line, u64)) {
        let found = self.agenda().queue(line).remove(Place { due, id });
        // The last hold on a thing may close descriptors: not under the lock.
        drop(found);
    }

    /// One more thing that the thread may be needed for: its number.
    pub(super) fn enlist(&self) -> u64 {
        self.agenda().enlist()
    }

    /// Forgets a thing that was enlisted, wherever it stands. Without any the thread ends.
    pub(super) fn discharge(&self, id: u64, place: Option<(Line, u64)>) {
        let mut agenda = self.agenda();
        let found = place.and_then(|(line, due)| agenda.queue(line).remove(Place { due, id }));
        let watcher = agenda.step_watchers.remove(&id);
        agenda.discharge();
        if agenda.end().is_some_and(|end| end < agenda.rests_until) {
            self.ring(agenda);
        } else {
            drop(agenda);
        }
        drop((found, watcher));
    }

    /// Has a thing looked at whenever the wall clock may have been stepped.
    pub(super) fn watch_steps(&self, id: u64, thing: &Arc<T>) {
        let mut agenda = self.agenda();
        let is_first = agenda.step_watchers.is_empty();
        agenda.step_watchers.insert(id, Arc::clone(thing));
        if is_first && agenda.rests_until > 0 {
            self.ring(agenda);
        }
    }

    /// No longer has it looked at.
    pub(super) fn unwatch_steps(&self, id: u64) {
        let found = self.agenda().step_watchers.remove(&id);
        drop(found);
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

    fn run(&self) {
        let mut due = Vec::new();
        let mut steps = 0;
        while let Some(lesson) = self.rest() {
            let is_round = self.take_due(lesson, &mut due);
            for (place, thing) in due.drain(..) {
                thing.look(place);
            }
            self.look_for_steps(&mut steps);
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

    /// Takes out what is due; whether it is time to look for what is abandoned. From here to the next rest nobody need ring.
    fn take_due(&self, lesson: Lesson, due: &mut Vec<((Line, u64), Arc<T>)>) -> bool {
        let mut agenda = self.agenda();
        agenda.rests_until = 0;
        agenda.lead.learn(lesson);
        agenda.take_due(due);
        agenda.rounds.at().is_some_and(|at| at <= time(Clock::Monotonic))
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

    /// Rests until something is due or the bell rings, and what that teaches; `None` once the thread is to end.
    fn rest(&self) -> Option<Lesson> {
        let (rest, until, here, now) = self.plan()?;
        let deadline = (until < NEVER).then(|| here.checked_add(Duration::from_nanos(until.saturating_sub(now))));
        let is_rung = self.wait_at_the_door(rest, deadline.flatten());
        let up = time(Clock::Monotonic);
        Some(match rest {
            Rest::Sleep if !is_rung => Lesson::Overslept(up.saturating_sub(until)),
            Rest::Hold(Line { punctuality: Punctuality::Adaptive, .. }, _) => Lesson::Held(up.saturating_sub(now)),
            _ => Lesson::Nothing,
        })
    }

    /// How to rest and until when, and the time now by both clocks of the thread; `None` if it is to end.
    fn plan(&self) -> Option<(Rest, u64, Instant, u64)> {
        let mut looked_at = None;
        loop {
            let mut agenda = self.agenda();
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
                    let thing = agenda.queue(line).remove(place);
                    drop(agenda);
                    thing.into_iter().for_each(|thing| thing.look((line, place.due)));
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
        steps.look(sys::clock::wall_offset())
    }
}
