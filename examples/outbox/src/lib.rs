//! A message outbox: delivers messages over a connection that loses some of them.
//!
//! The outbox decides what to transmit and when. Its host owns the connection and the event loop.
//! There are three kinds of timeouts:
//!
//! - *Debounce*: messages that closely follow each other are transmitted together, in one request.
//! - *Retry*: a request that the peer does not acknowledge in time is transmitted again. Each
//!   timeout is twice as long as the one before. After the last one, the outbox gives up.
//! - *Heartbeat*: the peer hears from the host at regular intervals.
//!
//! All of them are behind one descriptor. The host waits for [`as_fd`](Outbox::as_fd) in any loop.
//! When it is readable, the host calls [`dispatch`](Outbox::dispatch) until it returns `None`, and
//! performs the actions. The errors are those of the timer, for example that no memory is left.
//!
//! ```
//! use outbox::{Action, Outbox, Timing};
//! use portable_timerfd::{Clock, SimulatedClock};
//! let clock = SimulatedClock::new(); // a program calls `Outbox::new`
//! let mut outbox = Outbox::with_timer(clock.timer(Clock::Monotonic)?, Timing::default())?;
//! outbox.send("hello")?;
//! clock.advance_to_next(); // a program waits for the descriptor
//! let messages = vec!["hello".to_owned()];
//! assert_eq!(outbox.dispatch()?, Some(Action::Transmit { id: 1, messages }));
//! outbox.transmitted(1)?; // the host has transmitted it
//! assert!(outbox.acknowledged(1)); // the peer has answered
//! # Ok::<(), std::io::Error>(())
//! ```

mod timing;

use portable_timerfd::timer_set::Key;
use portable_timerfd::{Clock, ClockTime, Pollable, Timer, TimerFd, TimerSet};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

pub use timing::Timing;

/// What the host has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Transmit a request, and then call [`Outbox::transmitted`].
    Transmit { id: u64, messages: Vec<String> },
    /// The peer has not acknowledged a request. The outbox has forgotten it.
    GiveUp { id: u64, messages: Vec<String> },
    /// Tell the peer that the host is alive.
    Heartbeat,
}

/// What happens at a deadline.
#[derive(Debug)]
enum Timeout {
    Batch,
    Acknowledgement { id: u64 },
    Heartbeat,
}

/// The messages of the next request.
#[derive(Debug)]
struct Batch {
    timeout: Key,
    /// The batch is not postponed beyond this time.
    latest: ClockTime,
    messages: Vec<String>,
}

/// A request that the peer has not acknowledged yet.
#[derive(Debug)]
struct Request {
    timeout: Option<Key>,
    retries: u32,
    messages: Vec<String>,
}

/// Decides which messages to transmit, and when; see the [crate].
#[derive(Debug)]
pub struct Outbox<M: Timer = TimerFd> {
    timeouts: TimerSet<Timeout, M>,
    timing: Timing,
    batch: Option<Batch>,
    requests: HashMap<u64, Request>,
    last_id: u64,
}

impl Outbox {
    /// Creates an outbox with the default timing. Its timeouts do not count the time in suspend.
    pub fn new() -> io::Result<Outbox> {
        Outbox::with_timer(TimerFd::new(Clock::Monotonic)?, Timing::default())
    }
}

impl<M: Timer> Outbox<M> {
    /// Creates an outbox above a timer, for example a simulated one. Only the outbox may set it.
    ///
    /// The clock of the timer decides whether the timeouts count the time in suspend.
    pub fn with_timer(timer: M, timing: Timing) -> io::Result<Outbox<M>> {
        let mut timeouts = TimerSet::with_timer(timer)?;
        timeouts.insert_every(timing.heartbeat, Timeout::Heartbeat)?;
        Ok(Outbox { timeouts, timing, batch: None, requests: HashMap::new(), last_id: 0 })
    }

    /// Adds a message to the next request, and waits for more messages.
    pub fn send(&mut self, message: impl Into<String>) -> io::Result<()> {
        let now = self.timeouts.now(self.timeouts.duration_clock())?;
        let quiet = now + self.timing.quiet;
        if let Some(batch) = &mut self.batch {
            if now < batch.latest {
                self.timeouts.rearm_at(batch.timeout, earlier(quiet, batch.latest))?;
            }
            batch.messages.push(message.into());
        } else {
            let latest = now + self.timing.max_delay;
            let timeout = self.timeouts.insert_at(earlier(quiet, latest), Timeout::Batch)?;
            self.batch = Some(Batch { timeout, latest, messages: vec![message.into()] });
        }
        Ok(())
    }

    /// Starts to wait for an acknowledgement. Call it when a request has been transmitted.
    ///
    /// Call it also if the transmission has failed, and again after an error. If the request was
    /// acknowledged meanwhile, nothing happens.
    pub fn transmitted(&mut self, id: u64) -> io::Result<()> {
        let Some(request) = self.requests.get_mut(&id) else { return Ok(()) };
        let delay = self.timing.acknowledgement.saturating_mul(2_u32.saturating_pow(request.retries));
        let timeout = self.timeouts.insert_after(delay, Timeout::Acknowledgement { id })?;
        if let Some(before) = request.timeout.replace(timeout) {
            self.timeouts.remove(before);
        }
        Ok(())
    }

    /// Removes a request. Returns `false` if it was acknowledged before, or given up.
    pub fn acknowledged(&mut self, id: u64) -> bool {
        let Some(request) = self.requests.remove(&id) else { return false };
        if let Some(timeout) = request.timeout {
            self.timeouts.remove(timeout);
        }
        true
    }

    /// Returns whether all messages have been acknowledged or given up.
    pub fn is_idle(&self) -> bool {
        self.batch.is_none() && self.requests.is_empty()
    }

    /// Returns the next action that is due, or `None`. Actions are in the order of their deadlines.
    ///
    /// Call it until it returns `None`. After an error, call it again: no action is lost.
    pub fn dispatch(&mut self) -> io::Result<Option<Action>> {
        while let Some(expired) = self.timeouts.next_expired()? {
            let action = match expired.value {
                Some(Timeout::Batch) => self.transmit_batch(),
                Some(Timeout::Acknowledgement { id }) => self.retry_or_give_up(id),
                // The value of a periodic entry stays in the set. A host that is late sends one
                // heartbeat, and not `expired.count`.
                Some(Timeout::Heartbeat) | None => Some(Action::Heartbeat),
            };
            if action.is_some() {
                return Ok(action);
            }
        }
        Ok(None)
    }

    fn transmit_batch(&mut self) -> Option<Action> {
        let messages = self.batch.take()?.messages;
        self.last_id += 1;
        self.requests.insert(self.last_id, Request { timeout: None, retries: 0, messages: messages.clone() });
        Some(Action::Transmit { id: self.last_id, messages })
    }

    fn retry_or_give_up(&mut self, id: u64) -> Option<Action> {
        let request = self.requests.get_mut(&id)?;
        if request.retries < self.timing.retries {
            request.retries += 1;
            return Some(Action::Transmit { id, messages: request.messages.clone() });
        }
        let messages = self.requests.remove(&id)?.messages;
        Some(Action::GiveUp { id, messages })
    }
}

/// `ClockTime` has no `min`, because times of different clocks have no order.
fn earlier(one: ClockTime, other: ClockTime) -> ClockTime {
    if other < one {
        other
    } else {
        one
    }
}

impl<M: Timer> Pollable for Outbox<M> {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.timeouts.as_pollable()
    }
}

impl<M: Timer> AsFd for Outbox<M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timeouts.as_fd()
    }
}
