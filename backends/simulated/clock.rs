//! The simulated clock, which a test advances.

use std::fmt;
use std::io;
use std::time::Duration;

use super::machine::{lock, Machine};
use super::SimulatedTimer;
use crate::backends::emulation::clock_change::Clocks;
use crate::backends::sys::error::{os_error, ESRCH};
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard};
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::flags::CreateFlags;

/// A clock that advances only when the test calls one of its methods.
///
/// The timers of this clock have real descriptors, and expire in simulated time. Like a machine, it
/// has the time of every [`Clock`]. A new clock shows 1,000 s on [`Monotonic`](Clock::Monotonic),
/// 2,000 s on [`Boottime`](Clock::Boottime), and 10⁹ s (9 September 2001, 01:46:40 UTC) on
/// [`Realtime`](Clock::Realtime). An alarm clock always shows the time of the clock that it is
/// named after.
///
/// When a method that advances the clock returns, every timer that is due is readable, and its
/// count is complete. The order in which the timers became readable is unspecified.
///
/// A process can have any number of simulated clocks. They are independent of each other. A clone
/// is another handle to the same clock, for example for another thread. An open timer keeps its
/// clock alive.
///
/// ```
/// use portable_timerfd::{Clock, SimulatedClock};
/// use std::time::Duration;
///
/// let clock = SimulatedClock::new();
/// let timer = clock.timer(Clock::Monotonic)?;
/// timer.arm_every(Duration::from_millis(1))?;
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(timer.read()?, 3_600_000);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Real time
///
/// [`Clock::now`], [`Instant`](std::time::Instant) and [`SystemTime`](std::time::SystemTime) still
/// return real time. Code under test must therefore read the time with
/// [`Timer::now`](crate::Timer::now). The limit of [`wait`](crate::Timer::wait) and the timeout of
/// a poller are also measured in real time.
///
/// # Range
///
/// Each clock stops one nanosecond before 2⁶³−1 ns. So a timer that is set to
/// [never](crate::TimerSpec) does not expire.
///
/// # Forks
///
/// A clock belongs to the process that created it. In a forked child, the clock shows zero and
/// cannot be advanced, and its timers return `ESRCH`.
#[derive(Clone)]
pub struct SimulatedClock {
    machine: Arc<Mutex<Machine>>,
    process: u32,
}

impl SimulatedClock {
    /// Creates a clock without timers, at the start times listed [above](SimulatedClock).
    #[must_use]
    pub fn new() -> SimulatedClock {
        SimulatedClock { machine: Arc::new(Mutex::new(Machine::new())), process: std::process::id() }
    }

    /// Creates a disarmed timer on this clock.
    ///
    /// Its descriptor is non-blocking and closed on `exec`. The timer uses two descriptors, like a
    /// timer of the userspace backend.
    ///
    /// If the code under test requires a `TimerFd`, convert the timer with
    /// [`TimerFd::from`](crate::TimerFd). If it requires a function that creates a `TimerFd`, pass
    /// `|id| clock.timer(id).map(TimerFd::from)`.
    ///
    /// # Errors
    ///
    /// - `EMFILE`, `ENFILE`: no descriptor is available.
    /// - `ESRCH`: the clock was created by the parent, before this process was forked.
    pub fn timer(&self, clock: Clock) -> io::Result<SimulatedTimer> {
        self.open(clock, CreateFlags::default())
    }

    /// Creates a disarmed timer on this clock, with the given flags.
    ///
    /// The [`Accuracy`](crate::Accuracy) among the flags has no effect.
    ///
    /// # Errors
    ///
    /// Those of [`timer`](SimulatedClock::timer). Alarm clocks require no capability.
    pub fn open(&self, clock: Clock, flags: CreateFlags) -> io::Result<SimulatedTimer> {
        SimulatedTimer::new(self, clock, flags)
    }

    /// Returns the simulated time, as [`Clock::now`] returns the real time.
    #[must_use]
    pub fn now(&self, clock: Clock) -> ClockTime {
        let nanos = self.machine().map_or(0, |machine| machine.times.now(clock));
        ClockTime::new(clock, Duration::from_nanos(nanos))
    }

    /// Advances all clocks at once.
    ///
    /// The code under test handles expirations only after this method returns. To handle each
    /// expiration at its time, use [`advance_through`](SimulatedClock::advance_through).
    pub fn advance(&self, by: Duration) {
        self.machine().into_iter().for_each(|mut machine| machine.advance(whole_nanos(by)));
    }

    /// Returns the time until the next expiration of any timer on this clock.
    ///
    /// [`advance_to_next`](SimulatedClock::advance_to_next) would advance the clock by this time,
    /// and by the [latency](SimulatedClock::set_latency). The result is `None` if no timer will
    /// ever expire.
    ///
    /// The next expiration of a periodic timer counts even if earlier expirations are still unread.
    #[must_use]
    pub fn next_expiration(&self) -> Option<Duration> {
        self.machine().and_then(|mut machine| machine.until_next()).map(Duration::from_nanos)
    }

    /// Advances all clocks to the next expiration of any timer.
    ///
    /// They advance further by the [latency](SimulatedClock::set_latency). Returns the time by
    /// which the clocks advanced.
    ///
    /// If no timer will ever expire, does nothing and returns `None`.
    ///
    /// A timer that was armed for the current time or for a time in the past has already expired.
    /// So a test that handles all expirations is a loop
    /// `while clock.has_unread() || clock.advance_to_next().is_some()`.
    pub fn advance_to_next(&self) -> Option<Duration> {
        let mut machine = self.machine()?;
        let by = machine.until_next()?.saturating_add(machine.latency);
        let before = machine.times.now(Clock::Monotonic);
        machine.advance(by);
        Some(Duration::from_nanos(machine.times.now(Clock::Monotonic) - before))
    }

    /// Sets how late expirations are handled. The default is zero.
    ///
    /// On a real machine, a program handles an expiration some time after the expiration was due.
    /// With a latency, [`advance_to_next`](SimulatedClock::advance_to_next) and
    /// [`advance_through`](SimulatedClock::advance_through) advance beyond each expiration by this
    /// time. `advance_through` does not advance beyond its own end. With a latency, a test finds
    /// code that assumes that expirations are on time, for example a subtraction that underflows
    /// after a deadline. [`advance`](SimulatedClock::advance) and
    /// [`suspend`](SimulatedClock::suspend) ignore the latency.
    ///
    /// ```
    /// use portable_timerfd::{Clock, SimulatedClock};
    /// use std::time::Duration;
    /// let clock = SimulatedClock::new();
    /// clock.set_latency(Duration::from_micros(50));
    /// let timer = clock.timer(Clock::Monotonic)?;
    /// let deadline = clock.now(Clock::Monotonic) + Duration::from_secs(1);
    /// timer.arm_at(deadline)?;
    /// clock.advance_to_next();
    /// assert_eq!(clock.now(Clock::Monotonic), deadline + Duration::from_micros(50));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_latency(&self, latency: Duration) {
        self.machine().into_iter().for_each(|mut machine| machine.latency = whole_nanos(latency));
    }

    fn latency(&self) -> Duration {
        self.machine().map_or(Duration::ZERO, |machine| Duration::from_nanos(machine.latency))
    }

    /// Advances all clocks by `by`, and calls `at_each` at the time of each expiration.
    ///
    /// `at_each` can read the timers and re-arm them. It is not called for a timer that is already
    /// due. [`has_unread`](SimulatedClock::has_unread) returns whether there are such timers.
    /// Handle them first. With a [latency](SimulatedClock::set_latency), each call is later by the
    /// latency, but never later than the end. Then several expirations can have only one call.
    ///
    /// ```
    /// use portable_timerfd::{Clock, SimulatedClock};
    /// use std::time::Duration;
    /// let clock = SimulatedClock::new();
    /// let timer = clock.timer(Clock::Monotonic)?;
    /// timer.arm_after(Duration::from_secs(1))?;
    /// let mut pause = 1;
    /// clock.advance_through(Duration::from_secs(3600), || {
    ///     timer.read().unwrap();
    ///     pause *= 2;
    ///     timer.arm_after(Duration::from_secs(pause)).unwrap();
    /// });
    /// assert_eq!(pause, 2048); // after 1 + 2 + … + 1024 s; another 2048 s would have been too long
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn advance_through(&self, by: Duration, mut at_each: impl FnMut()) {
        let mut left = by;
        // A zero is an expiration that the pipe has refused. `at_each` must not be called for it.
        while let Some(next) = self.next_expiration().filter(|next| !next.is_zero() && *next <= left) {
            let step = next.saturating_add(self.latency()).min(left);
            self.advance(step);
            left -= step;
            at_each();
        }
        self.advance(left);
    }

    /// Returns whether any timer on this clock is readable.
    ///
    /// A timer is readable if it has unread expirations or an unreported clock change.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.machine().is_some_and(|machine| machine.has_unread())
    }

    /// Returns the number of threads that wait for timers on this clock.
    ///
    /// These are the threads in [`wait`](crate::Timer::wait) or in a blocking
    /// [`read`](crate::Timer::read) whose timer is not readable. When every thread of the code
    /// under test waits, nothing happens until the test advances the clock. See
    /// [code that waits](crate::backends::simulated#code-that-waits).
    ///
    /// Threads that wait in a poller or in a raw `read(2)` are not counted. If such a thread
    /// consumes a count while a second thread waits in `read` of the same timer, the second thread
    /// is not counted until the timer's next expiration.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.machine().map_or(0, |machine| machine.waiting())
    }

    /// Sets the wall clock, as `clock_settime(2)` does.
    ///
    /// [Absolute](crate::TimerSpec::at) settings on the wall clock follow the change. Other
    /// settings do not follow it. Timers that were set with
    /// [`cancel_on_set`](crate::TimerSpec::cancel_on_set) become readable and report `ECANCELED`,
    /// unless the wall clock already showed this time.
    ///
    /// [`ClockTime::from`] converts a [`SystemTime`](std::time::SystemTime).
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if `time` is not a time of
    /// [`Realtime`](Clock::Realtime). `ESRCH` in a forked child.
    pub fn set_realtime(&self, time: ClockTime) -> io::Result<()> {
        if time.clock() != Clock::Realtime {
            let text = format!("the wall clock cannot be set to a time of {:?}", time.clock());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut machine = self.machine().ok_or_else(|| os_error(ESRCH))?;
        machine.set_realtime(whole_nanos(time.since_zero()));
        Ok(())
    }

    /// Suspends the simulated machine, and returns how long the suspend lasted.
    ///
    /// [`Boottime`](Clock::Boottime) and [`Realtime`](Clock::Realtime) advance.
    /// [`Monotonic`](Clock::Monotonic) does not. For
    /// [`cancel_on_set`](crate::TimerSpec::cancel_on_set), a suspend is a change of the wall clock.
    ///
    /// The first expiration of a timer on an alarm clock ends the suspend early. To suspend for the
    /// rest of `duration`, call the method again. If a periodic timer on an alarm clock has already
    /// expired, its next expirations do not end a suspend until the program reads the timer or
    /// calls [`get`](crate::Timer::get). Linux, too, sets the next alarm only in these calls
    /// (`timerfd_alarmproc`).
    pub fn suspend(&self, duration: Duration) -> Duration {
        self.machine()
            .map_or(Duration::ZERO, |mut machine| Duration::from_nanos(machine.suspend(whole_nanos(duration))))
    }

    /// Locks the machine. Returns `None` in a forked child, where the lock may be held by a thread
    /// that the child does not have.
    pub(super) fn machine(&self) -> Option<MutexGuard<'_, Machine>> {
        (!self.is_inherited()).then(|| lock(&self.machine))
    }

    pub(super) fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// Locks the machine without checking that it belongs to this process.
    pub(super) fn own_machine(&self) -> MutexGuard<'_, Machine> {
        lock(&self.machine)
    }
}

/// Converts to nanoseconds, saturating. The maximum is beyond the end of every clock.
fn whole_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Default for SimulatedClock {
    fn default() -> SimulatedClock {
        SimulatedClock::new()
    }
}

impl fmt::Debug for SimulatedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SimulatedClock");
        for clock in [Clock::Monotonic, Clock::Boottime, Clock::Realtime] {
            shown.field(&format!("{clock:?}"), &self.now(clock).since_zero());
        }
        shown.finish_non_exhaustive()
    }
}
