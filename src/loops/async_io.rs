//! Timers in async-io, and so in smol: expirations to await.

use std::io;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use ::async_io::Async;
use futures_core::Stream;

use super::{MissedTicks, Source};
use crate::timer::Timer;

/// The expirations of a timer, to await on any executor by means of async-io.
///
/// Await one report at a time with [`wait`](Expirations::wait), or use the endless `Stream` of
/// counts.
///
/// ```
/// use portable_timerfd::{loops::async_io::Expirations, Clock, TimerFd};
/// use std::time::Duration;
///
/// async_io::block_on(async {
///     let expirations = Expirations::new(TimerFd::new(Clock::Monotonic)?)?;
///     expirations.get_ref().arm_every(Duration::from_millis(5))?;
///     for _ in 0..3 {
///         println!("expired {} times", expirations.wait().await?);
///     }
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A `Box<dyn Timer>` or an `Arc` of a timer is accepted too. When the `Expirations` is dropped, it
/// deregisters the timer from the reactor and drops it.
///
/// # Errors
///
/// Errors of [`read`](crate::Timer::read) are returned. In particular, if the timer was set with
/// [`cancel_on_set`](crate::TimerSpec::cancel_on_set), a change of the wall clock causes
/// `ECANCELED`. You can await again after an error. If the timer had already expired, or if the
/// clock change makes it expire, `ECANCELED` also disarms it. Re-arm it after `ECANCELED`.
#[derive(Debug)]
pub struct Expirations<T: Timer> {
    timer: Async<Source<T>>,
    missed_ticks: MissedTicks,
}

impl<T: Timer> Expirations<T> {
    /// Registers the timer with async-io's reactor.
    ///
    /// This sets the descriptor to non-blocking mode, in which it must stay.
    ///
    /// # Errors
    ///
    /// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): the descriptor is registered with the
    ///   reactor already.
    /// - Another error: the descriptor cannot be registered.
    ///
    /// On an error the timer is dropped. To keep it, pass an `Arc`.
    ///
    /// # Panics
    ///
    /// async-io panics if the process uses it for the first time and its reactor cannot be started,
    /// because no descriptor is left or no thread can be created.
    pub fn new(timer: T) -> io::Result<Expirations<T>> {
        Ok(Expirations { timer: Async::new_nonblocking(Source::new(timer)?)?, missed_ticks: MissedTicks::default() })
    }

    /// Sets the policy for missed expirations. The default is [`MissedTicks::Count`].
    #[must_use]
    pub fn missed_ticks(self, missed_ticks: MissedTicks) -> Expirations<T> {
        Expirations { missed_ticks, ..self }
    }

    /// Waits for the next expirations and returns their number.
    ///
    /// The number is that of [`read`](crate::Timer::read), subject to the chosen
    /// [policy](MissedTicks). The call also waits while the timer is disarmed.
    ///
    /// This method is cancel-safe: if the future is dropped, no expiration is lost. Any number of
    /// tasks may wait. Each expiration wakes all of them and is returned to one.
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
        self.timer.get_ref()
    }

    /// Deregisters the timer from the reactor and returns it, in non-blocking mode.
    ///
    /// # Errors
    ///
    /// The reactor cannot deregister the descriptor.
    pub fn into_inner(self) -> io::Result<T> {
        self.timer.into_inner().map(Source::into_inner)
    }

    fn read_report(&self) -> Option<io::Result<u64>> {
        self.missed_ticks.report(self.timer.get_ref().read_ready()?)
    }
}

/// Yields what [`wait`](Expirations::wait) returns. The stream never ends, not even after an error.
///
/// Only the task that polled last is woken.
impl<T: Timer> Stream for Expirations<T> {
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
impl<T: Timer> Unpin for Expirations<T> {}
