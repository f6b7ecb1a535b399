//! A timer in async-io, and so in smol: expirations to await.

use std::io;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use ::async_io::Async;
use futures_core::Stream;

use super::{AsTimer, MissedTicks, Source};

/// The expirations of a timer, to be awaited on any executor by way of async-io: one after another by [`wait`](Expirations::wait), or as a `Stream`
/// of counts, which never ends.
///
/// ```
/// use portable_timerfd::{loops::async_io::Expirations, Clock, Timer, TimerFd};
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
/// It takes a `Box<dyn Timer>` or an `Arc` of a timer too. Dropped, it leaves the reactor and drops the timer.
///
/// # Errors
///
/// What [`read`](crate::Timer::read) fails with is passed on: `ECANCELED` after a step of the wall clock, for a timer set with
/// [`cancel_on_set`](crate::TimerSpec::cancel_on_set). The waiting goes on after it, but a timer whose time had come, also by the step itself, is off
/// by then: arm it anew.
#[derive(Debug)]
pub struct Expirations<T: AsTimer> {
    timer: Async<Source<T>>,
    missed_ticks: MissedTicks,
}

impl<T: AsTimer> Expirations<T> {
    /// Puts the timer into async-io's reactor, and into non-blocking mode, in which it must stay.
    ///
    /// # Errors
    ///
    /// The descriptor is registered there already ([`AlreadyExists`](io::ErrorKind::AlreadyExists)), or can't be. The timer is dropped then; give an
    /// `Arc` to keep it.
    ///
    /// # Panics
    ///
    /// async-io itself does, if it is used for the first time in the process and can't start its reactor: there is no descriptor left for it, or no thread
    /// can be made.
    pub fn new(timer: T) -> io::Result<Expirations<T>> {
        Ok(Expirations { timer: Async::new_nonblocking(Source::new(timer)?)?, missed_ticks: MissedTicks::default() })
    }

    /// The same, with this policy for what nobody awaits in time; by default every count is told of as it comes.
    #[must_use]
    pub fn missed_ticks(self, missed_ticks: MissedTicks) -> Expirations<T> {
        Expirations { missed_ticks, ..self }
    }

    /// Waits for the next expirations, and gives how many they were: as [`read`](crate::Timer::read), by the
    /// [policy](MissedTicks) that was chosen. It waits while the timer is disarmed, too.
    ///
    /// Cancel-safe: a future that is dropped has taken no expiration. Any number of tasks may wait; each expiration wakes all of them, and goes to
    /// one.
    ///
    /// # Errors
    ///
    /// Those of [`read`](crate::Timer::read) but `EAGAIN`.
    pub async fn wait(&self) -> io::Result<u64> {
        loop {
            // Not read before: mostly there would be nothing yet, and the call for nothing.
            self.timer.readable().await?;
            if let Some(told) = self.take() {
                return told;
            }
        }
    }

    /// The timer, to be set.
    pub fn get_ref(&self) -> &T {
        self.timer.get_ref()
    }

    /// Takes the timer out of the reactor and gives it back, in non-blocking mode.
    ///
    /// # Errors
    ///
    /// The reactor can't let go of it.
    pub fn into_inner(self) -> io::Result<T> {
        self.timer.into_inner().map(Source::into_inner)
    }

    fn take(&self) -> Option<io::Result<u64>> {
        self.missed_ticks.told(self.timer.get_ref().read_ready()?)
    }
}

/// Each item is what [`wait`](Expirations::wait) gives. It never ends, and an error does not end it. Only the task that asked last is woken.
impl<T: AsTimer> Stream for Expirations<T> {
    type Item = io::Result<u64>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<u64>>> {
        loop {
            if let Err(e) = ready!(self.timer.poll_readable(cx)) {
                return Poll::Ready(Some(Err(e)));
            }
            if let Some(told) = self.take() {
                return Poll::Ready(Some(told));
            }
        }
    }
}

/// The timer is never pinned.
impl<T: AsTimer> Unpin for Expirations<T> {}
