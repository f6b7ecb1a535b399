//! A timer in tokio: expirations to await.

use std::io;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use ::tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use ::tokio::io::Interest;
use ::tokio::runtime::Handle;
use futures_core::Stream;

use super::{AsTimer, MissedTicks, Source};

/// The expirations of a timer, to be awaited in tokio: one after another by [`wait`](Expirations::wait), or as a `Stream` of counts, which never
/// ends.
///
/// ```
/// use portable_timerfd::{loops::tokio::Expirations, Clock, Timer, TimerFd};
/// use std::{io, time::Duration};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> io::Result<()> {
///     let expirations = Expirations::new(TimerFd::new(Clock::Monotonic)?)?;
///     expirations.get_ref().arm_every(Duration::from_millis(5))?;
///     for _ in 0..3 {
///         println!("expired {} times", expirations.wait().await?);
///     }
///     Ok(())
/// }
/// ```
///
/// The `Stream` is that of `futures-core`: `next` comes from a crate that extends it, such as `futures-lite`, `futures` or `tokio-stream`.
///
/// ```
/// use futures_lite::StreamExt;
/// use portable_timerfd::{loops::tokio::Expirations, loops::MissedTicks, Clock, Timer, TimerFd};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut ticks = Expirations::new(TimerFd::new(Clock::Monotonic)?)?.missed_ticks(MissedTicks::Coalesce);
/// ticks.get_ref().arm_every(std::time::Duration::from_millis(5))?;
/// while let Some(tick) = ticks.next().await {
///     assert_eq!(tick?, 1);
/// #   break;
/// }
/// # Ok(())
/// # }
/// ```
///
/// It takes a `Box<dyn Timer>` or an `Arc` of a timer too. Dropped, it leaves the runtime and drops the timer.
///
/// # Tests that do not sleep
///
/// A [`SimulatedClock`](crate::SimulatedClock) can't count tasks, as it counts [threads that wait](crate::SimulatedClock::waiting). So a test lets the tasks run
/// until they have read what there is, and then turns the clock:
///
/// ```
/// use portable_timerfd::{loops::tokio::Expirations, Clock, SimulatedClock, Timer};
/// use std::{io, time::Duration};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> io::Result<()> {
///     let clock = SimulatedClock::new();
///     let hours = Expirations::new(clock.timer(Clock::Monotonic)?)?;
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
/// What [`read`](crate::Timer::read) fails with is passed on: `ECANCELED` after a step of the wall clock, for a timer set with
/// [`cancel_on_set`](crate::TimerSpec::cancel_on_set). The waiting goes on after it, but a timer whose time had come, also by the step itself, is off
/// by then: arm it anew.
#[derive(Debug)]
pub struct Expirations<T: AsTimer> {
    timer: AsyncFd<Source<T>>,
    missed_ticks: MissedTicks,
}

impl<T: AsTimer> Expirations<T> {
    /// Puts the timer into the current runtime, and into non-blocking mode, in which it must stay.
    ///
    /// # Errors
    ///
    /// There is no current runtime, or it is shutting down ([`Other`](io::ErrorKind::Other)); the descriptor is registered in it already
    /// ([`AlreadyExists`](io::ErrorKind::AlreadyExists)), or can't be. The timer is dropped then; give an `Arc` to keep it.
    ///
    /// # Panics
    ///
    /// tokio itself does, which can't be asked before, if the runtime was built without
    /// [`enable_io`](::tokio::runtime::Builder::enable_io).
    pub fn new(timer: T) -> io::Result<Expirations<T>> {
        Handle::try_current().map_err(|e| io::Error::new(io::ErrorKind::Other, e))?;
        // Its newer name, `register`, is unsafe and not in every release that is in use. What it asks for holds: the number is always the same,
        // and its descriptor stays open as long as the timer is not dropped, which is owned here and shown by shared reference only.
        #[allow(deprecated)]
        let timer = AsyncFd::with_interest(Source::new(timer)?, Interest::READABLE)?;
        Ok(Expirations { timer, missed_ticks: MissedTicks::default() })
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
    /// Those of [`read`](crate::Timer::read) but `EAGAIN`. The runtime has been shut down ([`Other`](io::ErrorKind::Other)).
    pub async fn wait(&self) -> io::Result<u64> {
        loop {
            if let Some(told) = self.take(self.timer.readable().await?) {
                return told;
            }
        }
    }

    /// The timer, to be set.
    pub fn get_ref(&self) -> &T {
        self.timer.get_ref()
    }

    /// Takes the timer out of the runtime and gives it back, in non-blocking mode.
    pub fn into_inner(self) -> T {
        self.timer.into_inner().into_inner()
    }

    /// Reads the timer once, and has tokio wait for the next event: one read takes all there is, so that the next expiration is an event. (If
    /// that came in between, tokio knows of it, and goes by it.) After an error there may be more.
    fn take(&self, mut readiness: AsyncFdReadyGuard<'_, Source<T>>) -> Option<io::Result<u64>> {
        let read = readiness.get_inner().read_ready();
        if !matches!(read, Some(Err(_))) {
            readiness.clear_ready();
        }
        self.missed_ticks.told(read?)
    }
}

/// Each item is what [`wait`](Expirations::wait) gives. It never ends, and an error does not end it. Only the task that asked last is woken.
impl<T: AsTimer> Stream for Expirations<T> {
    type Item = io::Result<u64>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<u64>>> {
        loop {
            match ready!(self.timer.poll_read_ready(cx)) {
                Err(e) => return Poll::Ready(Some(Err(e))),
                Ok(readiness) => {
                    if let Some(told) = self.take(readiness) {
                        return Poll::Ready(Some(told));
                    }
                }
            }
        }
    }
}

/// The timer is never pinned.
impl<T: AsTimer> Unpin for Expirations<T> {}
