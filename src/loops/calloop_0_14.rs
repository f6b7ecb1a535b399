//! Timers in calloop: an event source whose event is the count.

use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ::calloop::generic::{Generic, NoIoDrop};
use ::calloop::{EventSource, Interest, Mode, Poll, PostAction, Readiness, Token, TokenFactory};

use super::owned_source::owned_source;
use super::source::Source;
use crate::pollable::Pollable;
use crate::timer::Timer;

/// The expirations of a timer, as a calloop event source.
///
/// ```
/// use calloop::{EventLoop, PostAction};
/// use portable_timerfd::{loops::calloop_0_14::CalloopTimer, Clock, TimerFd};
/// use std::time::Duration;
///
/// let mut event_loop: EventLoop<u64> = EventLoop::try_new()?;
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// timer.arm_every(Duration::from_millis(5))?;
/// event_loop.handle().insert_source(CalloopTimer::new(timer)?, |count, timer, total| {
///     *total += count?;
///     if *total >= 3 {
///         timer.disarm()?; // `timer` dereferences to the `TimerFd`
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
/// The callback returns a [`PostAction`], as the callback of a [`Generic`] source does. If the
/// callback returns an error, calloop ends the current dispatch. Then other sources may have to
/// wait for the next dispatch. The source is registered in calloop's level mode.
///
/// A `Box<dyn Timer>` or an `Arc` of a timer is accepted too. When the source is removed or
/// dropped, it deregisters the timer from the loop, and drops the timer.
#[derive(Debug)]
pub struct CalloopTimer<T: Timer> {
    source: Generic<TimerInLoop<T>>,
}

impl<T: Timer> CalloopTimer<T> {
    /// Creates a source of the timer's expirations.
    ///
    /// This sets the descriptor to non-blocking mode, in which it must stay.
    ///
    /// # Errors
    ///
    /// `EBADF` if the timer's descriptor was closed, or the sandbox's error if a sandbox forbids
    /// the system call. The timer is then dropped.
    pub fn new(timer: T) -> io::Result<CalloopTimer<T>> {
        Ok(CalloopTimer { source: Generic::new(TimerInLoop(Source::new(timer)?), Interest::READ, Mode::Level) })
    }

    /// Returns the timer, for example to set it.
    pub fn get_ref(&self) -> &T {
        self.source.get_ref()
    }

    /// Deregisters the timer and returns it, in non-blocking mode.
    pub fn into_inner(self) -> T {
        self.source.unwrap().0.into_inner()
    }
}

/// A timer in the callback of a [`CalloopTimer`]. It dereferences to the timer.
#[derive(Debug)]
pub struct TimerInLoop<T>(Source<T>);

impl<T> Deref for TimerInLoop<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.get_ref()
    }
}

impl<T: Timer> AsFd for TimerInLoop<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T: Timer> EventSource for CalloopTimer<T> {
    type Event = io::Result<u64>;
    type Metadata = NoIoDrop<TimerInLoop<T>>;
    type Ret = io::Result<PostAction>;
    type Error = io::Error;

    fn process_events<F>(&mut self, readiness: Readiness, token: Token, mut callback: F) -> io::Result<PostAction>
    where
        F: FnMut(io::Result<u64>, &mut NoIoDrop<TimerInLoop<T>>) -> io::Result<PostAction>,
    {
        self.source.process_events(readiness, token, |_, timer| {
            timer.0.read_ready().map_or(Ok(PostAction::Continue), |event| callback(event, timer))
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

/// A calloop event source for your own type that contains a timer.
///
/// While the handle is readable, calloop calls the callback with your type.
///
/// ```
/// use calloop::{EventLoop, PostAction};
/// use portable_timerfd::{loops::calloop_0_14::CalloopSource, Clock, Pollable, TimerFd};
/// use std::os::fd::{AsFd, BorrowedFd};
/// use std::time::Duration;
///
/// struct Heartbeat {
///     timer: TimerFd,
///     sent: u64,
/// }
///
/// impl Pollable for Heartbeat {
///     fn as_pollable(&self) -> BorrowedFd<'_> {
///         self.timer.as_fd()
///     }
/// }
///
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// timer.arm_every(Duration::from_millis(5))?;
/// let mut event_loop: EventLoop<u64> = EventLoop::try_new()?;
/// let source = CalloopSource::new(Heartbeat { timer, sent: 0 })?;
/// event_loop.handle().insert_source(source, |(), heartbeat, total| {
///     heartbeat.sent += heartbeat.timer.try_read()?;
///     *total = heartbeat.sent;
///     Ok(PostAction::Continue)
/// })?;
/// let mut total = 0;
/// while total < 3 {
///     event_loop.dispatch(None, &mut total)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The type can be a [`TimerSet`](crate::TimerSet):
///
/// ```
/// use calloop::{EventLoop, PostAction};
/// use portable_timerfd::{loops::calloop_0_14::CalloopSource, Clock, TimerSet};
/// use std::time::Duration;
///
/// let mut set = TimerSet::new(Clock::Monotonic)?;
/// set.insert_after(Duration::from_millis(5), "a client")?;
/// let mut event_loop: EventLoop<Vec<&str>> = EventLoop::try_new()?;
/// event_loop.handle().insert_source(CalloopSource::new(set)?, |(), set, idle| {
///     while let Some(expired) = set.next_expired()? {
///         idle.extend(expired.value);
///     }
///     Ok(PostAction::Continue)
/// })?;
/// let mut idle = Vec::new();
/// event_loop.dispatch(None, &mut idle)?;
/// assert_eq!(idle, ["a client"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// To change the set outside the callback, insert the source through a
/// [`Dispatcher`](::calloop::Dispatcher).
///
/// The source registers a duplicate of the descriptor, in calloop's level mode. So it uses one more
/// descriptor than the type itself. It does not change the mode of the descriptor. If you replace
/// the value, calloop still reports the handle of the old value.
#[derive(Debug)]
pub struct CalloopSource<P> {
    source: P,
    handle: Generic<OwnedFd>,
}

impl<P: Pollable> CalloopSource<P> {
    /// Creates a source that reports when the handle is readable.
    ///
    /// # Errors
    ///
    /// `EMFILE` if no descriptor is left for the duplicate. The source is then dropped.
    pub fn new(source: P) -> io::Result<CalloopSource<P>> {
        let handle = source.as_pollable().try_clone_to_owned()?;
        Ok(CalloopSource { source, handle: Generic::new(handle, Interest::READ, Mode::Level) })
    }
}

owned_source!(CalloopSource);

impl<P> EventSource for CalloopSource<P> {
    type Event = ();
    type Metadata = P;
    type Ret = io::Result<PostAction>;
    type Error = io::Error;

    fn process_events<F>(&mut self, readiness: Readiness, token: Token, mut callback: F) -> io::Result<PostAction>
    where
        F: FnMut((), &mut P) -> io::Result<PostAction>,
    {
        let source = &mut self.source;
        self.handle.process_events(readiness, token, |_, _| callback((), source))
    }

    fn register(&mut self, poll: &mut Poll, token_factory: &mut TokenFactory) -> ::calloop::Result<()> {
        self.handle.register(poll, token_factory)
    }

    fn reregister(&mut self, poll: &mut Poll, token_factory: &mut TokenFactory) -> ::calloop::Result<()> {
        self.handle.reregister(poll, token_factory)
    }

    fn unregister(&mut self, poll: &mut Poll) -> ::calloop::Result<()> {
        self.handle.unregister(poll)
    }
}
