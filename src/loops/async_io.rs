//! Timers in async-io, and so in smol: expirations to await.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use ::async_io::Async;
use futures_core::Stream;

use super::owned_source::owned_source;
use super::source::{is_readable, Source};
use super::MissedTicks;
use crate::pollable::Pollable;
use crate::timer::Timer;
use crate::timer_set::{Expired, TimerSet};

/// The expirations of a timer, to await on any executor by means of async-io.
///
/// Await one report at a time with [`wait`](AsyncIoTimer::wait), or use the endless `Stream` of
/// counts.
///
/// ```
/// use portable_timerfd::{loops::async_io::AsyncIoTimer, Clock, TimerFd};
/// use std::time::Duration;
///
/// async_io::block_on(async {
///     let expirations = AsyncIoTimer::new(TimerFd::new(Clock::Monotonic)?)?;
///     expirations.get_ref().arm_every(Duration::from_millis(5))?;
///     for _ in 0..3 {
///         println!("expired {} times", expirations.wait().await?);
///     }
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A `Box<dyn Timer>` or an `Arc` of a timer is accepted too. When the `AsyncIoTimer` is dropped,
/// it deregisters the timer from the reactor, and drops the timer.
///
/// # Errors
///
/// Errors of [`read`](crate::Timer::read) are returned. In particular, if the timer was set with
/// [`cancel_on_set`](crate::TimerSpec::cancel_on_set), a change of the wall clock causes
/// `ECANCELED`. You can await again after an error. If the timer had already expired, or if the
/// clock change makes it expire, `ECANCELED` also disarms it. Re-arm it after `ECANCELED`.
#[derive(Debug)]
pub struct AsyncIoTimer<T: Timer> {
    timer: Async<Source<T>>,
    missed_ticks: MissedTicks,
}

impl<T: Timer> AsyncIoTimer<T> {
    /// Registers the timer with async-io's reactor.
    ///
    /// This sets the descriptor to non-blocking mode, in which it must stay.
    ///
    /// # Errors
    ///
    /// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): the descriptor is already registered with
    ///   the reactor. illumos and Solaris do not report this error. There, the new registration
    ///   replaces the old one, so the waits of the first `AsyncIoTimer` never end.
    /// - Another error: the descriptor cannot be registered.
    ///
    /// After an error, the timer is dropped. To keep the timer, pass an `Arc`.
    ///
    /// # Panics
    ///
    /// async-io panics if the process uses it for the first time and its reactor cannot be started,
    /// because no descriptor is left or no thread can be created.
    pub fn new(timer: T) -> io::Result<AsyncIoTimer<T>> {
        Ok(AsyncIoTimer { timer: Async::new_nonblocking(Source::new(timer)?)?, missed_ticks: MissedTicks::default() })
    }

    /// Sets the policy for missed expirations. The default is [`MissedTicks::Count`].
    #[must_use]
    pub fn missed_ticks(self, missed_ticks: MissedTicks) -> AsyncIoTimer<T> {
        AsyncIoTimer { missed_ticks, ..self }
    }

    /// Waits for the next expirations and returns their number.
    ///
    /// [`read`](crate::Timer::read) gives the number, and the [policy](MissedTicks) can change it.
    /// The call also waits while the timer is disarmed.
    ///
    /// This method is cancel-safe: if the future is dropped, no expiration is lost. Any number of
    /// tasks may wait. Each expiration wakes all of these tasks, and is returned to one of them.
    ///
    /// # Errors
    ///
    /// Those of [`read`](crate::Timer::read), except `EAGAIN`.
    pub async fn wait(&self) -> io::Result<u64> {
        loop {
            // Waits before the first read: usually the timer has not expired yet, and a read would
            // be wasted.
            self.timer.readable().await?;
            if let Some(report) = self.read_report() {
                return report;
            }
        }
    }

    /// Returns the timer, for example to set it.
    pub fn get_ref(&self) -> &T {
        self.timer.get_ref().get_ref()
    }

    /// Deregisters the timer from the reactor and returns the timer, in non-blocking mode.
    ///
    /// # Errors
    ///
    /// Those of the reactor, if it cannot deregister the descriptor. The timer is then dropped.
    pub fn into_inner(self) -> io::Result<T> {
        self.timer.into_inner().map(Source::into_inner)
    }

    fn read_report(&self) -> Option<io::Result<u64>> {
        self.missed_ticks.report(self.timer.get_ref().read_ready()?)
    }
}

/// Yields the results of [`wait`](AsyncIoTimer::wait). The stream never ends, not even after an
/// error.
///
/// Only the task that polled last is woken.
impl<T: Timer> Stream for AsyncIoTimer<T> {
    type Item = io::Result<u64>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<u64>>> {
        loop {
            if let Err(e) = ready!(self.timer.poll_readable(cx)) {
                return Poll::Ready(Some(Err(e)));
            }
            if let Some(report) = self.read_report() {
                return Poll::Ready(Some(report));
            }
        }
    }
}

/// The timer is never pinned.
impl<T: Timer> Unpin for AsyncIoTimer<T> {}

/// Waits with async-io for your own type that contains a timer.
///
/// [`readable`](AsyncIoSource::readable) waits until the handle is readable. Then call the method
/// of your type that reads the timer.
///
/// ```
/// use portable_timerfd::{loops::async_io::AsyncIoSource, Clock, Pollable, TimerFd};
/// use std::os::fd::{AsFd, BorrowedFd};
/// use std::{io, time::Duration};
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
/// async_io::block_on(async {
///     let timer = TimerFd::new(Clock::Monotonic)?;
///     timer.arm_every(Duration::from_millis(5))?;
///     let mut heartbeat = AsyncIoSource::new(Heartbeat { timer, sent: 0 })?;
///     while heartbeat.get_ref().sent < 3 {
///         heartbeat.readable().await?;
///         let heartbeat = heartbeat.get_mut();
///         heartbeat.sent += heartbeat.timer.try_read()?;
///     }
///     Ok::<(), io::Error>(())
/// })?;
/// # Ok::<(), io::Error>(())
/// ```
///
/// The source registers a duplicate of the descriptor, so it uses one more descriptor than the type
/// itself. It does not change the mode of the descriptor.
#[derive(Debug)]
pub struct AsyncIoSource<P> {
    source: P,
    handle: Async<OwnedFd>,
}

impl<P: Pollable> AsyncIoSource<P> {
    /// Registers the handle of `source` with async-io's reactor.
    ///
    /// # Errors
    ///
    /// - `EMFILE`: no descriptor is left for the duplicate.
    /// - Another error: the descriptor cannot be registered, for example because it is a file.
    ///
    /// After an error, the source is dropped.
    ///
    /// # Panics
    ///
    /// async-io panics if the process uses it for the first time and its reactor cannot be started,
    /// because no descriptor is left or no thread can be created.
    pub fn new(source: P) -> io::Result<AsyncIoSource<P>> {
        let handle = Async::new_nonblocking(source.as_pollable().try_clone_to_owned()?)?;
        Ok(AsyncIoSource { source, handle })
    }
}

impl<P> AsyncIoSource<P> {
    /// Waits until the handle is readable.
    ///
    /// If the handle is already readable, the method returns at once. So if your type leaves an
    /// expiration unread, the method reports it again. This method is cancel-safe, and any number
    /// of tasks may wait. Each check is one `poll(2)`.
    ///
    /// # Errors
    ///
    /// Those of the reactor and of `poll(2)`.
    pub async fn readable(&self) -> io::Result<()> {
        while !is_readable(self.handle.get_ref())? {
            self.handle.readable().await?;
        }
        Ok(())
    }
}

owned_source!(AsyncIoSource);

/// The expired entries of a set, to await with async-io.
///
/// ```
/// use portable_timerfd::{loops::async_io::AsyncIoSource, Clock, TimerSet};
/// use std::time::Duration;
///
/// async_io::block_on(async {
///     let mut timeouts = AsyncIoSource::new(TimerSet::new(Clock::Monotonic)?)?;
///     timeouts.get_mut().insert_after(Duration::from_millis(5), "a client")?;
///     assert_eq!(timeouts.next_expired().await?.value, Some("a client"));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
impl<T, M: Timer> AsyncIoSource<TimerSet<T, M>> {
    /// Waits for the next entry that expires; see [`TimerSet::next_expired`].
    ///
    /// The method also waits while the set is empty.
    ///
    /// This method is cancel-safe: if the future is dropped, no entry is lost.
    ///
    /// # Errors
    ///
    /// Those of [`TimerSet::next_expired`] and of the reactor.
    pub async fn next_expired(&mut self) -> io::Result<Expired<T>> {
        std::future::poll_fn(|cx| self.poll_expired(cx)).await
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Expired<T>>> {
        loop {
            // While the set is not readable, a poll neither reads a clock nor sets the timer.
            if !self.source.is_draining() {
                ready!(self.handle.poll_readable(cx))?;
            }
            if let Some(expired) = self.source.next_expired()? {
                return Poll::Ready(Ok(expired));
            }
        }
    }
}

/// Yields the results of [`next_expired`](AsyncIoSource::next_expired). The stream never ends, not
/// even after an error.
impl<T, M: Timer> Stream for AsyncIoSource<TimerSet<T, M>> {
    type Item = io::Result<Expired<T>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Expired<T>>>> {
        self.get_mut().poll_expired(cx).map(Some)
    }
}

/// The source is never pinned.
impl<P> Unpin for AsyncIoSource<P> {}
