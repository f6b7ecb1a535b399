//! Timers in tokio: expirations to await.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use ::tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use ::tokio::io::Interest;
use ::tokio::runtime::Handle;
use futures_core::Stream;

use super::owned_source::owned_source;
use super::source::{is_readable, Source};
use super::MissedTicks;
use crate::pollable::Pollable;
use crate::timer::Timer;
use crate::timer_set::{Expired, TimerSet};

/// The expirations of a timer, to await in tokio.
///
/// Await one report at a time with [`wait`](TokioTimer::wait), or use the endless `Stream` of
/// counts.
///
/// ```
/// use portable_timerfd::{loops::tokio::TokioTimer, Clock, TimerFd};
/// use std::{io, time::Duration};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> io::Result<()> {
///     let expirations = TokioTimer::new(TimerFd::new(Clock::Monotonic)?)?;
///     expirations.get_ref().arm_every(Duration::from_millis(5))?;
///     for _ in 0..3 {
///         println!("expired {} times", expirations.wait().await?);
///     }
///     Ok(())
/// }
/// ```
///
/// It is also a `Stream` of the same counts. The trait is that of `futures-core`, and its method
/// `next` comes from an extension crate, such as `futures-lite`, `futures` or `tokio-stream`.
///
/// ```
/// use portable_timerfd::{loops::tokio::TokioTimer, loops::MissedTicks, Clock, TimerFd};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut ticks = TokioTimer::new(TimerFd::new(Clock::Monotonic)?)?.missed_ticks(MissedTicks::Coalesce);
/// ticks.get_ref().arm_every(std::time::Duration::from_millis(5))?;
/// loop {
///     assert_eq!(ticks.wait().await?, 1);
/// #   break;
/// }
/// # Ok(())
/// # }
/// ```
///
/// A `Box<dyn Timer>` or an `Arc` of a timer is accepted too. When the `TokioTimer` is dropped, it
/// deregisters the timer from the runtime, and drops the timer.
///
/// # Tests that do not sleep
///
/// A [`SimulatedClock`](crate::SimulatedClock) can count
/// [waiting threads](crate::SimulatedClock::waiting), but not waiting tasks. So a test lets the
/// tasks run until no expiration is unread, and then advances the clock:
///
/// ```
/// use portable_timerfd::{loops::tokio::TokioTimer, Clock, SimulatedClock};
/// use std::{io, time::Duration};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> io::Result<()> {
///     let clock = SimulatedClock::new();
///     let hours = TokioTimer::new(clock.timer(Clock::Monotonic)?)?;
///     hours.get_ref().arm_every(Duration::from_secs(3600))?;
///     let day = tokio::spawn(async move {
///         for _ in 0..24 {
///             assert_eq!(hours.wait().await?, 1);
///         }
///         Ok::<(), io::Error>(())
///     });
///     while !day.is_finished() {
///         if !clock.has_unread() {
///             clock.advance_to_next();
///         }
///         tokio::task::yield_now().await;
///     }
///     day.await?
/// }
/// ```
///
/// # Errors
///
/// Errors of [`read`](crate::Timer::read) are returned. In particular, if the timer was set with
/// [`cancel_on_set`](crate::TimerSpec::cancel_on_set), a change of the wall clock causes
/// `ECANCELED`. You can await again after an error. If the timer had already expired, or if the
/// clock change makes it expire, `ECANCELED` also disarms it. Re-arm it after `ECANCELED`.
#[derive(Debug)]
pub struct TokioTimer<T: Timer> {
    timer: AsyncFd<Source<T>>,
    missed_ticks: MissedTicks,
}

impl<T: Timer> TokioTimer<T> {
    /// Registers the timer with the current runtime.
    ///
    /// This sets the descriptor to non-blocking mode, in which it must stay.
    ///
    /// # Errors
    ///
    /// - [`Other`](io::ErrorKind::Other): there is no current runtime, or it is shutting down.
    /// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): the descriptor is already registered with
    ///   the runtime. Not every platform reports this error, as the next section describes.
    /// - Another error: the descriptor cannot be registered.
    ///
    /// After an error, the timer is dropped. To keep the timer, pass an `Arc`.
    ///
    /// # Platforms
    ///
    /// Register a timer only once per runtime. On platforms with kqueue (macOS, iOS, the BSDs) and
    /// on Solaris, a second registration is not an error. It replaces the first registration. The
    /// waits of the first `TokioTimer` then never end. Dropping either `TokioTimer` ends the events
    /// of both.
    ///
    /// Share one `TokioTimer` instead: any number of tasks can [wait](TokioTimer::wait) for it. A
    /// [`TokioSource`] registers a duplicate of the descriptor, so several sources can wait for one
    /// timer.
    ///
    /// # Panics
    ///
    /// tokio panics if the runtime was built without
    /// [`enable_io`](::tokio::runtime::Builder::enable_io). This crate cannot check that
    /// beforehand.
    pub fn new(timer: T) -> io::Result<TokioTimer<T>> {
        Handle::try_current().map_err(|e| io::Error::new(io::ErrorKind::Other, e))?;
        // `register`, the newer name of this function, is unsafe and missing in older releases of
        // tokio that are still in use. Its requirements hold: `Source` always returns the same
        // descriptor number, and the descriptor stays open until the timer is dropped. The timer is
        // owned here, and only shared references to it are handed out.
        #[allow(deprecated)]
        let timer = AsyncFd::with_interest(Source::new(timer)?, Interest::READABLE)?;
        Ok(TokioTimer { timer, missed_ticks: MissedTicks::default() })
    }

    /// Sets the policy for missed expirations. The default is [`MissedTicks::Count`].
    #[must_use]
    pub fn missed_ticks(self, missed_ticks: MissedTicks) -> TokioTimer<T> {
        TokioTimer { missed_ticks, ..self }
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
    /// Those of [`read`](crate::Timer::read), except `EAGAIN`. [`Other`](io::ErrorKind::Other) if
    /// the runtime has been shut down.
    pub async fn wait(&self) -> io::Result<u64> {
        loop {
            if let Some(report) = self.read_report(self.timer.readable().await?) {
                return report;
            }
        }
    }

    /// Returns the timer, for example to set it.
    pub fn get_ref(&self) -> &T {
        self.timer.get_ref().get_ref()
    }

    /// Deregisters the timer from the runtime and returns it, in non-blocking mode.
    pub fn into_inner(self) -> T {
        self.timer.into_inner().into_inner()
    }

    /// Reads the timer once, and clears the readiness so that tokio waits for the next event.
    ///
    /// One read returns all expirations, so the next expiration causes a new event. If that event
    /// has already arrived, tokio keeps the readiness. After an error the timer may still be
    /// readable, so the readiness is not cleared.
    fn read_report(&self, mut readiness: AsyncFdReadyGuard<'_, Source<T>>) -> Option<io::Result<u64>> {
        let read = readiness.get_inner().read_ready();
        if !matches!(read, Some(Err(_))) {
            readiness.clear_ready();
        }
        self.missed_ticks.report(read?)
    }
}

/// Yields the results of [`wait`](TokioTimer::wait). The stream never ends, not even after an
/// error.
///
/// Only the task that polled last is woken.
impl<T: Timer> Stream for TokioTimer<T> {
    type Item = io::Result<u64>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<u64>>> {
        loop {
            match ready!(self.timer.poll_read_ready(cx)) {
                Err(e) => return Poll::Ready(Some(Err(e))),
                Ok(readiness) => {
                    if let Some(report) = self.read_report(readiness) {
                        return Poll::Ready(Some(report));
                    }
                }
            }
        }
    }
}

/// The timer is never pinned.
impl<T: Timer> Unpin for TokioTimer<T> {}

/// Waits in tokio for your own type that contains a timer.
///
/// [`readable`](TokioSource::readable) waits until the handle is readable. Then call the method of
/// your type that reads the timer. The [recipe for tests](TokioTimer#tests-that-do-not-sleep) of
/// `TokioTimer` holds for this type too.
///
/// ```
/// use portable_timerfd::{loops::tokio::TokioSource, Clock, Pollable, TimerFd};
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
/// impl Heartbeat {
///     fn on_readable(&mut self) -> io::Result<()> {
///         self.sent += self.timer.try_read()?;
///         Ok(())
///     }
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> io::Result<()> {
///     let timer = TimerFd::new(Clock::Monotonic)?;
///     timer.arm_every(Duration::from_millis(5))?;
///     let mut heartbeat = TokioSource::new(Heartbeat { timer, sent: 0 })?;
///     while heartbeat.get_ref().sent < 3 {
///         heartbeat.readable().await?;
///         heartbeat.get_mut().on_readable()?;
///     }
///     Ok(())
/// }
/// ```
///
/// The source registers a duplicate of the descriptor, so it uses one more descriptor than the type
/// itself. It does not change the mode of the descriptor.
#[derive(Debug)]
pub struct TokioSource<P> {
    source: P,
    handle: AsyncFd<OwnedFd>,
}

impl<P: Pollable> TokioSource<P> {
    /// Registers the handle of `source` with the current runtime.
    ///
    /// # Errors
    ///
    /// - [`Other`](io::ErrorKind::Other): there is no current runtime, or it is shutting down.
    /// - `EMFILE`: no descriptor is left for the duplicate.
    /// - Another error: the descriptor cannot be registered, for example because it is a file.
    ///
    /// After an error, the source is dropped.
    ///
    /// # Panics
    ///
    /// tokio panics if the runtime was built without
    /// [`enable_io`](::tokio::runtime::Builder::enable_io).
    pub fn new(source: P) -> io::Result<TokioSource<P>> {
        Handle::try_current().map_err(|e| io::Error::new(io::ErrorKind::Other, e))?;
        let handle = source.as_pollable().try_clone_to_owned()?;
        // `register`, the newer name of this function, is missing in older releases of tokio.
        #[allow(deprecated)]
        let handle = AsyncFd::with_interest(handle, Interest::READABLE)?;
        Ok(TokioSource { source, handle })
    }
}

impl<P> TokioSource<P> {
    /// Waits until the handle is readable.
    ///
    /// If the handle is already readable, the method returns at once. So if your type leaves an
    /// expiration unread, the method reports it again. This method is cancel-safe, and any number
    /// of tasks may wait. Each check is one `poll(2)`.
    ///
    /// # Errors
    ///
    /// [`Other`](io::ErrorKind::Other) if the runtime has been shut down. Otherwise those of
    /// `poll(2)`.
    pub async fn readable(&self) -> io::Result<()> {
        loop {
            let mut readiness = self.handle.readable().await?;
            if is_readable(readiness.get_inner())? {
                return Ok(());
            }
            // An event that arrives meanwhile is not cleared.
            readiness.clear_ready();
        }
    }
}

owned_source!(TokioSource);

/// The expired entries of a set, to await in tokio.
///
/// ```
/// use portable_timerfd::{loops::tokio::TokioSource, Clock, TimerSet};
/// use std::{io, time::Duration};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> io::Result<()> {
///     let mut timeouts = TokioSource::new(TimerSet::new(Clock::Monotonic)?)?;
///     timeouts.get_mut().insert_after(Duration::from_millis(5), "a client")?;
///     assert_eq!(timeouts.next_expired().await?.value, Some("a client"));
///     Ok(())
/// }
/// ```
///
/// With `tokio::select!`, a task can wait for entries and other events at once, and change the set
/// between two waits with [`get_mut`](TokioSource::get_mut).
impl<T, M: Timer> TokioSource<TimerSet<T, M>> {
    /// Waits for the next entry that expires; see [`TimerSet::next_expired`].
    ///
    /// The method also waits while the set is empty.
    ///
    /// This method is cancel-safe: if the future is dropped, no entry is lost.
    ///
    /// # Errors
    ///
    /// Those of [`TimerSet::next_expired`]. [`Other`](io::ErrorKind::Other) if the runtime has been
    /// shut down.
    pub async fn next_expired(&mut self) -> io::Result<Expired<T>> {
        std::future::poll_fn(|cx| self.poll_expired(cx)).await
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Expired<T>>> {
        loop {
            let mut readiness = ready!(self.handle.poll_read_ready(cx))?;
            match self.source.next_expired() {
                // The set has set its timer, so the next deadline causes a new event. If that event
                // has already arrived, tokio keeps the readiness.
                Ok(None) => readiness.clear_ready(),
                Ok(Some(expired)) => return Poll::Ready(Ok(expired)),
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

/// Yields the results of [`next_expired`](TokioSource::next_expired). The stream never ends, not
/// even after an error.
impl<T, M: Timer> Stream for TokioSource<TimerSet<T, M>> {
    type Item = io::Result<Expired<T>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Expired<T>>>> {
        self.get_mut().poll_expired(cx).map(Some)
    }
}

/// The source is never pinned.
impl<P> Unpin for TokioSource<P> {}
