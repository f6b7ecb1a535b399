//! Timers in calloop: an event source whose event is the count.

use std::io;

use ::calloop::generic::{Generic, NoIoDrop};
use ::calloop::{EventSource, Interest, Mode, Poll, PostAction, Readiness, Token, TokenFactory};

use super::Source;
use crate::timer::Timer;

/// The expirations of a timer, as a calloop event source.
///
/// ```
/// use calloop::{EventLoop, PostAction};
/// use portable_timerfd::{loops::calloop::Expirations, Clock, TimerFd};
/// use std::time::Duration;
///
/// let mut event_loop: EventLoop<u64> = EventLoop::try_new()?;
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// timer.arm_every(Duration::from_millis(5))?;
/// event_loop.handle().insert_source(Expirations::new(timer)?, |count, timer, total| {
///     *total += count?;
///     if *total >= 3 {
///         timer.disarm()?; // the timer's methods are there
///     }
///     Ok(PostAction::Continue)
/// })?;
/// let mut total = 0;
/// while total < 3 {
///     event_loop.dispatch(None, &mut total)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The event is the result of [`read`](crate::Timer::read): the count, or an error. In particular,
/// if the timer was set with [`cancel_on_set`](crate::TimerSpec::cancel_on_set), a change of the
/// wall clock causes `ECANCELED`. If the timer had already expired, or if the clock change makes it
/// expire, `ECANCELED` also disarms it. Re-arm it after `ECANCELED`.
///
/// The callback returns what happens to the source, as the callback of a [`Generic`] source does.
/// An error that the callback returns ends the current dispatch, so other sources may have to wait
/// for the next one. The source is registered in calloop's level mode.
///
/// A `Box<dyn Timer>` or an `Arc` of a timer is accepted too. When the source is removed or
/// dropped, it deregisters the timer from the loop and drops it.
#[derive(Debug)]
pub struct Expirations<T: Timer> {
    source: Generic<Source<T>>,
}

impl<T: Timer> Expirations<T> {
    /// Creates a source of the timer's expirations.
    ///
    /// This sets the descriptor to non-blocking mode, in which it must stay.
    ///
    /// # Errors
    ///
    /// The mode cannot be set, because the timer's descriptor was closed or a sandbox forbids the
    /// system call.
    pub fn new(timer: T) -> io::Result<Expirations<T>> {
        Ok(Expirations { source: Generic::new(Source::new(timer)?, Interest::READ, Mode::Level) })
    }

    /// Returns the timer, for example to set it.
    pub fn get_ref(&self) -> &T {
        self.source.get_ref()
    }

    /// Takes the timer out of the loop and returns it, in non-blocking mode.
    pub fn into_inner(self) -> T {
        self.source.unwrap().into_inner()
    }
}

impl<T: Timer> EventSource for Expirations<T> {
    type Event = io::Result<u64>;
    type Metadata = NoIoDrop<Source<T>>;
    type Ret = io::Result<PostAction>;
    type Error = io::Error;

    fn process_events<F>(&mut self, readiness: Readiness, token: Token, mut callback: F) -> io::Result<PostAction>
    where
        F: FnMut(io::Result<u64>, &mut NoIoDrop<Source<T>>) -> io::Result<PostAction>,
    {
        self.source.process_events(readiness, token, |_, timer| {
            timer.read_ready().map_or(Ok(PostAction::Continue), |event| callback(event, timer))
        })
    }

    fn register(&mut self, poll: &mut Poll, token_factory: &mut TokenFactory) -> ::calloop::Result<()> {
        self.source.register(poll, token_factory)
    }

    fn reregister(&mut self, poll: &mut Poll, token_factory: &mut TokenFactory) -> ::calloop::Result<()> {
        self.source.reregister(poll, token_factory)
    }

    fn unregister(&mut self, poll: &mut Poll) -> ::calloop::Result<()> {
        self.source.unregister(poll)
    }
}
