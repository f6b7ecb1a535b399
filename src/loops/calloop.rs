//! A timer in calloop: an event source whose event is the count.

use std::io;

use ::calloop::generic::{Generic, NoIoDrop};
use ::calloop::{EventSource, Interest, Mode, Poll, PostAction, Readiness, Token, TokenFactory};

use super::{AsTimer, Source};

/// The expirations of a timer, as a source of calloop's events.
///
/// ```
/// use calloop::{EventLoop, PostAction};
/// use portable_timerfd::{loops::calloop::Expirations, Clock, Timer, TimerFd};
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
/// The event is what [`read`](crate::Timer::read) gives: the count, or an error, `ECANCELED` after a step of the wall clock, for a timer set with
/// [`cancel_on_set`](crate::TimerSpec::cancel_on_set); a timer whose time had come is off by then. The callback says what is to become of the source, as that of a
/// [`Generic`] one does; an error that it returns ends the turn of the loop, whose other sources may then have to wait for the next one.
/// The loop knows the source in calloop's level mode.
///
/// It takes a `Box<dyn Timer>` or an `Arc` of a timer too. Removed or dropped, it leaves the loop and drops the timer.
#[derive(Debug)]
pub struct Expirations<T: AsTimer> {
    source: Generic<Source<T>>,
}

impl<T: AsTimer> Expirations<T> {
    /// A source of the timer's expirations. The timer is put into non-blocking mode, in which it must stay.
    ///
    /// # Errors
    ///
    /// The mode can't be set: of a timer that was closed, or whose process may call nothing.
    pub fn new(timer: T) -> io::Result<Expirations<T>> {
        Ok(Expirations { source: Generic::new(Source::new(timer)?, Interest::READ, Mode::Level) })
    }

    /// The timer, to be set.
    pub fn get_ref(&self) -> &T {
        self.source.get_ref()
    }

    /// Takes the timer out of the loop and gives it back, in non-blocking mode.
    pub fn into_inner(self) -> T {
        self.source.unwrap().into_inner()
    }
}

impl<T: AsTimer> EventSource for Expirations<T> {
    type Event = io::Result<u64>;
    type Metadata = NoIoDrop<Source<T>>;
    type Ret = io::Result<PostAction>;
    type Error = io::Error;

    fn process_events<F>(&mut self, readiness: Readiness, token: Token, mut callback: F) -> io::Result<PostAction>
    where
        F: FnMut(io::Result<u64>, &mut NoIoDrop<Source<T>>) -> io::Result<PostAction>,
    {
        self.source.process_events(readiness, token, |_, timer| {
            timer.read_ready().map_or(Ok(PostAction::Continue), |told| callback(told, timer))
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
