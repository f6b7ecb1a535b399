//! The clock that a test turns.

use std::fmt;
use std::io;
use std::time::Duration;

use super::machine::{lock, Machine};
use super::SimulatedTimer;
use crate::backends::emulation::clock_change::Clocks;
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard};
use crate::clock::Clock;
use crate::flags::CreateFlags;

/// A clock that stands still until it is told to move, and the timers on it: real descriptors, in simulated time.
///
/// It has the time of each [`Clock`], as a machine has. A new one shows 1,000 s on [`Monotonic`](Clock::Monotonic), 2,000 s on
/// [`Boottime`](Clock::Boottime), and 10⁹ s, which is 9 September 2001, 01:46:40 UTC, on [`Realtime`](Clock::Realtime). What is said of
/// a clock here is true of the alarm clock of that name too.
///
/// When a method that moves the clock returns, every timer that is due by then is readable, and its count is complete; in what
/// order they became so can't be told. There may be any number of clocks in a process, which know nothing of each other. A clone is
/// another handle on the same clock, for another thread perhaps; timers that are open keep it alive.
///
/// What asks [`Clock::now`], [`Instant`](std::time::Instant) or [`SystemTime`](std::time::SystemTime) gets real time still; code that
/// computes times asks [`Timer::now`](crate::Timer::now). So does whatever waits with a limit: in [`wait`](crate::Timer::wait), or in a poller.
///
/// ```
/// use portable_timerfd::{Clock, SimulatedClock, Timer};
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
/// # Range
///
/// The clocks end a nanosecond before 2⁶³−1 ns, and stand still there: what is set for [never](crate::TimerSpec) does not expire.
///
/// # Forks
///
/// A clock belongs to the process that made it. In a forked child it shows zero and can't be moved, and its timers fail with `ESRCH`.
#[derive(Clone)]
pub struct SimulatedClock {
    machine: Arc<Mutex<Machine>>,
    process: u32,
}

impl SimulatedClock {
    /// A clock that shows what every new one does, with no timers.
    #[must_use]
    pub fn new() -> SimulatedClock {
        SimulatedClock { machine: Arc::new(Mutex::new(Machine::new())), process: std::process::id() }
    }

    /// A disarmed timer on this clock, its descriptor non-blocking and closed on `exec`.
    ///
    /// For code that takes no other type, [`TimerFd::from`](crate::TimerFd) makes one of it; for code that takes a function which makes
    /// them, `|of| clock.timer(of).map(TimerFd::from)` is such a function.
    ///
    /// It takes two descriptors, as one of the userspace backend does.
    ///
    /// # Errors
    ///
    /// `EMFILE`, `ENFILE`: no descriptor is left. `ESRCH`: the clock was made by the process that this one was forked from.
    pub fn timer(&self, clock: Clock) -> io::Result<SimulatedTimer> {
        self.open(clock, CreateFlags::default())
    }

    /// The same with other flags. Punctuality means nothing here.
    ///
    /// # Errors
    ///
    /// Those of [`timer`](SimulatedClock::timer). Alarm clocks need no capability.
    pub fn open(&self, clock: Clock, flags: CreateFlags) -> io::Result<SimulatedTimer> {
        SimulatedTimer::new(self, clock, flags)
    }

    /// The time that it is, as [`Clock::now`] tells it of the real one.
    #[must_use]
    pub fn now(&self, clock: Clock) -> Duration {
        self.machine().map_or(Duration::ZERO, |machine| Duration::from_nanos(machine.times.now(clock)))
    }

    /// Time passes, on all clocks, at one stroke: who is to arm a timer anew when it expires gets to do so afterwards. For
    /// stops on the way there is [`advance_through`](SimulatedClock::advance_through).
    pub fn advance(&self, by: Duration) {
        self.machine().into_iter().for_each(|mut machine| machine.advance(whole_nanos(by)));
    }

    /// How long it is until the next expiration of any timer on this clock: what [`advance_to_next`](SimulatedClock::advance_to_next)
    /// would advance by. `None` if nothing is armed that will ever expire.
    ///
    /// It is that of timers which have expired and are periodic, too, whether or not somebody has read them.
    #[must_use]
    pub fn next_expiration(&self) -> Option<Duration> {
        self.machine().and_then(|mut machine| machine.until_next()).map(Duration::from_nanos)
    }

    /// Time passes until the next expiration of any timer; by how much. `None`, and nothing happens, if nothing is armed that will
    /// ever expire.
    ///
    /// What is armed for now, or for a time gone by, has expired already, and is not ahead. So a test that does all there is to do is a
    /// loop `while clock.has_unread() || clock.advance_to_next().is_some()`.
    pub fn advance_to_next(&self) -> Option<Duration> {
        let mut machine = self.machine()?;
        let by = machine.until_next()?;
        machine.advance(by);
        Some(Duration::from_nanos(by))
    }

    /// Time passes, and at each expiration on the way `at_each` is called, at that time: to read the timers, and to arm them anew.
    ///
    /// ```
    /// use portable_timerfd::{Clock, SimulatedClock, Timer};
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
        // What a pipe does not take is no expiration on the way.
        while let Some(next) = self.next_expiration().filter(|next| !next.is_zero() && *next <= left) {
            self.advance(next);
            left -= next;
            at_each();
        }
        self.advance(left);
    }

    /// Whether any timer on this clock is readable: it has expired, or has to tell of a step, and nobody has read it.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.machine().is_some_and(|machine| machine.has_unread())
    }

    /// How many threads wait for timers on this clock, in [`wait`](crate::Timer::wait) or in a blocking [`read`](crate::Timer::read), and have
    /// nothing there to wake up for. While as many do as there are, nothing happens until the clock is moved: for tests of
    /// [code that waits](crate::backends::simulated#code-that-waits).
    ///
    /// Who waits in a poller, or in a plain `read(2)`, can't be seen. If one such takes a count while another thread waits in `read` of the same
    /// timer, that thread does not count until the timer's next expiration.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.machine().map_or(0, |machine| machine.waiting())
    }

    /// Steps the wall clock to this time since the Unix epoch, as `clock_settime(2)` does.
    ///
    /// [Absolute](crate::TimerSpec::at) settings of the wall clock follow, others don't. Timers that were set with
    /// [`cancel_on_set`](crate::TimerSpec::cancel_on_set) are readable, and tell of it, unless the clock showed this time already.
    pub fn set_realtime(&self, time: Duration) {
        self.machine().into_iter().for_each(|mut machine| machine.set_realtime(whole_nanos(time)));
    }

    /// Suspends the simulated machine for so long: [`Boottime`](Clock::Boottime) and [`Realtime`](Clock::Realtime) move,
    /// [`Monotonic`](Clock::Monotonic) does not. For [`cancel_on_set`](crate::TimerSpec::cancel_on_set) it is a step of the wall clock.
    ///
    /// An alarm clock that expires meanwhile ends it. One that has expired before does not, though it be periodic, until somebody reads it or asks
    /// what is left: only then does the kernel set its next alarm (Linux, `timerfd_alarmproc`). Returns how long it was: what is left of
    /// `duration` can be slept in another.
    pub fn suspend(&self, duration: Duration) -> Duration {
        self.machine()
            .map_or(Duration::ZERO, |mut machine| Duration::from_nanos(machine.suspend(whole_nanos(duration))))
    }

    /// None in a forked child, where the lock may be held by a thread that is not there.
    pub(super) fn machine(&self) -> Option<MutexGuard<'_, Machine>> {
        (!self.is_inherited()).then(|| lock(&self.machine))
    }

    pub(super) fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// Without asking whether it is this process's.
    pub(super) fn own_machine(&self) -> MutexGuard<'_, Machine> {
        lock(&self.machine)
    }
}

/// Nanoseconds; too many are more than any clock has left.
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
            shown.field(&format!("{clock:?}"), &self.now(clock));
        }
        shown.finish_non_exhaustive()
    }
}
