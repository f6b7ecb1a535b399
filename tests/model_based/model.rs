//! The system of one run: its clocks, which advance only when a test advances them, and the
//! sleeping threads.

use crate::Clock;
use shuttle::sync::atomic::AtomicUsize;
use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
use shuttle::thread::{spawn, JoinHandle};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;
use std::sync::atomic::Ordering;

shuttle::lazy_static! {
    /// The scheduler makes a new model for each run.
    pub static ref MODEL: Model = Model::new();
}

pub struct Model {
    /// A different number for each run.
    pub generation: usize,
    state: Mutex<State>,
    /// Signals every change that a thread may wait for.
    pub changed: Condvar,
    yields: AtomicUsize,
}

pub struct State {
    monotonic: u64,
    /// The nanoseconds by which the other clocks are ahead of the monotonic clock.
    wall_ahead: i64,
    boot_ahead: u64,
    waiting_fds: BTreeSet<RawFd>,
    timer_thread: Option<JoinHandle<()>>,
    sleeps_until: Option<u64>,
    was_unparked: bool,
    /// Whether pipes refuse writes, as for want of memory.
    pub refuses_writes: bool,
    /// Whether nonblocking reads fail.
    pub refuses_reads: bool,
    /// The number of refused writes.
    pub refused: usize,
    /// Whether writes to pipes wait, and whether a write waits now.
    pub holds_writes: bool,
    pub is_write_held: bool,
    /// The pipes, by the descriptors of their read ends.
    pub pipes: BTreeMap<RawFd, Pipe>,
    /// Whether a blocked reader is interrupted, and whether the signal handler still runs on its
    /// thread.
    pub interrupts: bool,
    pub handler_runs: bool,
}

/// The write end of a pipe: its descriptor, and the file that it refers to.
#[derive(Clone, Copy)]
pub struct Pipe {
    pub writer: RawFd,
    pub file: (u64, u64),
}

impl Model {
    fn new() -> Model {
        static GENERATIONS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
        Model {
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            state: Mutex::new(State {
                monotonic: 1_000_000,
                wall_ahead: 1_700_000_000_000_000_000,
                boot_ahead: 5_000_000_000,
                waiting_fds: BTreeSet::new(),
                timer_thread: None,
                sleeps_until: None,
                was_unparked: false,
                refuses_writes: false,
                refuses_reads: false,
                refused: 0,
                holds_writes: false,
                is_write_held: false,
                pipes: BTreeMap::new(),
                interrupts: false,
                handler_runs: false,
            }),
            changed: Condvar::new(),
            yields: AtomicUsize::new(0),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Lets the scheduler switch threads.
    pub fn let_others_go_first(&self) {
        self.yields.fetch_add(1, Ordering::Relaxed);
    }

    pub fn time(&self, clock: Clock) -> u64 {
        let state = self.lock();
        match clock.without_alarm() {
            Clock::Realtime => state.monotonic.saturating_add_signed(state.wall_ahead),
            Clock::Boottime => state.monotonic + state.boot_ahead,
            _ => state.monotonic,
        }
    }

    pub fn wall_offset(&self) -> i64 {
        self.lock().wall_ahead
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Advances all clocks.
    pub fn pass(&self, nanos: u64) {
        self.change(|state| state.monotonic += nanos);
    }

    pub fn step_wall_clock(&self, nanos: i64) {
        self.change(|state| state.wall_ahead += nanos);
    }

    /// Holds each write before it reaches the pipe, until
    /// [`release_writes`](Model::release_writes).
    pub fn hold_writes(&self) {
        self.lock().holds_writes = true;
    }

    /// Waits until a write is held.
    pub fn wait_for_a_held_write(&self) {
        let mut state = self.lock();
        while !state.is_write_held {
            state = self.changed.wait(state).unwrap();
        }
    }

    pub fn release_writes(&self) {
        self.change(|state| (state.holds_writes, state.is_write_held) = (false, false));
    }

    /// Interrupts the readers that are blocked, or about to block. They return when the handler has
    /// ended.
    pub fn interrupt(&self) {
        self.change(|state| (state.interrupts, state.handler_runs) = (true, true));
    }

    pub fn end_handler(&self) {
        self.change(|state| state.handler_runs = false);
    }

    pub fn suspend(&self, nanos: u64) {
        self.change(|state| {
            state.wall_ahead += nanos as i64;
            state.boot_ahead += nanos;
        });
    }

    pub fn start_timer_thread(&'static self, body: impl FnOnce() + Send + 'static) {
        let thread = spawn(body);
        let before = self.lock().timer_thread.replace(thread);
        // The thread is about to return, or has returned.
        before.into_iter().for_each(|ended| ended.join().unwrap());
    }

    /// Waits until the timer thread has done all work that is due at this time.
    pub fn settle(&self) {
        let mut state = self.lock();
        while state.timer_thread.is_some()
            && (state.was_unparked || !state.sleeps_until.is_some_and(|until| until > state.monotonic))
        {
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Parks the timer thread; returns `false` if the deadline has already passed.
    pub fn park(&self, until: u64) -> bool {
        let mut state = self.lock();
        if state.monotonic >= until {
            return false;
        }
        state.sleeps_until = Some(until);
        self.changed.notify_all();
        while !state.was_unparked && state.monotonic < until {
            state = self.changed.wait(state).unwrap();
        }
        state.was_unparked = false;
        state.sleeps_until = None;
        true
    }

    pub fn unpark(&self) {
        self.change(|state| state.was_unparked = true);
    }

    /// Waits for the timer thread to end, a second after the last timer was dropped.
    pub fn end(&self) {
        self.pass(1_000_000_000);
        let thread = self.lock().timer_thread.take();
        thread.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

impl State {
    /// Returns the time until which the timer thread sleeps or spins, if it does.
    pub fn sleeps_until(&self) -> Option<u64> {
        self.sleeps_until
    }

    pub fn set_waits(&mut self, fd: RawFd, waits: bool) {
        if waits {
            self.waiting_fds.insert(fd);
        } else {
            self.waiting_fds.remove(&fd);
        }
    }

    /// Whether this descriptor refers to this file, and the file is the write end of a pipe of the
    /// model.
    pub fn is_write_end(&self, number: RawFd, file: Option<(u64, u64)>) -> bool {
        self.pipes.values().any(|pipe| pipe.writer == number && Some(pipe.file) == file)
    }

    pub fn waits(&self, fd: RawFd) -> bool {
        self.waiting_fds.contains(&fd)
    }
}

/// Runs two or more functions on the same value, each in a thread of its own.
pub fn concurrently<T: Send + Sync + 'static>(shared: &Arc<T>, bodies: &[fn(&T)]) {
    let threads: Vec<_> = bodies
        .iter()
        .map(|&body| {
            let shared = Arc::clone(shared);
            spawn(move || body(&shared))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
