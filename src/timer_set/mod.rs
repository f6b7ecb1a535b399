//! Many deadlines behind one descriptor: [`TimerSet`].

mod arm;
mod base;
mod batch;
mod drain;
mod expired;
mod heap;
mod insert;
mod schedule;
mod slots;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::backends::emulation::schedule::NEVER;
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::pollable::Pollable;
use crate::timer::Timer;
use crate::timer_fd::TimerFd;
use arm::{steady_clock, Armed};
use base::Base;
use schedule::Schedule;

pub use expired::Expired;
pub use slots::Key;

/// Any number of deadlines, each with a value, behind one descriptor.
///
/// Use a set in a library that has many timeouts, and gives one descriptor to the program's event
/// loop. The descriptor is readable when an entry is due. [`next_expired`](TimerSet::next_expired)
/// then returns the entries that are due, one by one.
///
/// ```
/// use portable_timerfd::{Clock, TimerSet};
/// use std::time::Duration;
///
/// let mut set = TimerSet::new(Clock::Monotonic)?;
/// let slow = set.insert_after(Duration::from_secs(60), "slow")?;
/// set.insert_after(Duration::from_millis(5), "fast")?;
/// set.rearm_after(slow, Duration::from_secs(90))?; // makes no system call
///
/// set.wait_readable(None)?; // an event loop would poll `set.as_fd()`
/// while let Some(expired) = set.next_expired()? {
///     assert_eq!(expired.value, Some("fast"));
/// }
/// assert_eq!(set.remove(slow), Some("slow"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// `docs/guide.md` in the source has a library type with several kinds of timeouts, its host, and
/// its test.
///
/// # Costs
///
/// A set uses one timer, whatever the number of entries: one descriptor on the kernel backend, two
/// on the userspace backend.
///
/// - Re-arming an entry to a later time, and removing one, make no system call. The descriptor may
///   become readable once at the old deadline.
/// - Inserting an entry, or re-arming it to an earlier time, sets the timer only if the entry is
///   the first to expire.
/// - A drain (calls of `next_expired` until `None`) sets the timer once, whatever the number of
///   entries that are due. Setting it takes one system call on the kernel backend, and two on the
///   userspace backend. The program need not read the timer. While the descriptor is not readable,
///   [`next_expired`](TimerSet::next_expired) makes no system call.
/// - An insertion, a removal and re-arming to an earlier time take logarithmic time. Re-arming to a
///   later time takes constant time. An insertion allocates memory only when the set must grow
///   beyond its [`capacity`](TimerSet::capacity).
/// - Each unit of capacity takes at most 52 bytes and the size of an `Option<T>`.
///
/// A set with entries at times of the wall clock sets its timer more often: for the first entry of
/// each kind (see below), and at each call of `next_expired` that returns `None`.
///
/// # Clocks
///
/// On `Monotonic`, `Boottime` and `BoottimeAlarm`, all entries count on the clock of the set. A set
/// on a wall clock has two kinds of entries:
///
/// - An entry that is set by a duration counts on [`Monotonic`](Clock::Monotonic), as a single
///   timer does. Clock changes do not move the entry. Exception: in a set on
///   [`RealtimeAlarm`](Clock::RealtimeAlarm), such an entry counts on
///   [`Boottime`](Clock::Boottime), so that it wakes the system after the duration. A single timer
///   on `RealtimeAlarm` follows clock changes.
/// - An entry that is set to a time of the wall clock follows clock changes. If the clock is set
///   back, a periodic entry that has already expired does not expire a second time.
///
/// [`duration_clock`](TimerSet::duration_clock) returns the clock of the durations. The set also
/// accepts times of that clock. A time of any other clock is a
/// [`ClockMismatch`](crate::ClockMismatch).
///
/// A set with entries of both kinds, or with a duration on `RealtimeAlarm`, becomes readable when
/// the wall clock is changed, and after a suspend, because it must set its timer again.
/// `next_expired` then returns `None`. A program that wants to know of clock changes calls
/// [`report_clock_changes`](TimerSet::report_clock_changes).
///
/// # Threads
///
/// Methods that change the set take `&mut self`. To share a set between threads, create it with a
/// timer in an [`Arc`](std::sync::Arc), and put the set into a [`Mutex`](std::sync::Mutex). A
/// thread can then wait for the timer without the lock. If another thread inserts an entry, the
/// waiting thread wakes up at the deadline of that entry:
///
/// ```
/// use portable_timerfd::{Clock, TimerFd, TimerSet};
/// use std::{sync::{Arc, Mutex}, thread, time::Duration};
///
/// let timer = Arc::new(TimerFd::new(Clock::Monotonic)?);
/// let set = Arc::new(Mutex::new(TimerSet::with_timer(Arc::clone(&timer))?));
/// let other = thread::spawn({
///     let set = Arc::clone(&set);
///     move || set.lock().unwrap().insert_after(Duration::from_millis(5), "from another thread")
/// });
/// timer.wait_readable(None)?;
/// loop {
///     // Unlocks the set at the end of the statement. The rest of the body can lock it again.
///     let Some(expired) = set.lock().unwrap().next_expired()? else { break };
///     assert_eq!(expired.value, Some("from another thread"));
/// }
/// # other.join().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # The descriptor
///
/// The descriptor is readable whenever an entry is due. It may also become readable when nothing is
/// due: at the old deadline of an entry that was removed or re-armed, and after a clock change.
/// `next_expired` then returns `None`.
///
/// Only the set may set or read the timer. To wait without the set, use
/// [`wait_readable`](Pollable::wait_readable), which does not read. If other code reads the
/// descriptor nevertheless, call `next_expired` afterwards, until it returns `None`. Otherwise the
/// descriptor may not become readable again. If the read by other code returned `ECANCELED`, the
/// set does not report that clock change.
///
/// A poller in edge-triggered mode reports the descriptor once. So in that mode, always call
/// `next_expired` until it returns `None`.
///
/// # Forks
///
/// A forked child must not use an inherited set. On the kernel backend, parent and child share the
/// timer, so the child would set the timer for both. On the userspace backend, setting the timer
/// fails with `ESRCH` in the child.
///
/// # In an event loop
///
/// Any loop that accepts a descriptor can wait for the set. In tokio and async-io, the entries can
/// be awaited. In mio the set is an event source. For polling and calloop, wrap it: see
/// [`loops`](crate::loops).
///
/// # In simulated time
///
/// A test passes a timer of a [`SimulatedClock`](crate::SimulatedClock) to
/// [`with_timer`](TimerSet::with_timer). With `TimerFd::from(timer)`, the set has the same type as
/// in the program:
///
/// ```
/// use portable_timerfd::{Clock, SimulatedClock, TimerFd, TimerSet};
/// use std::time::Duration;
///
/// let clock = SimulatedClock::new();
/// let timer = TimerFd::from(clock.timer(Clock::Monotonic)?);
/// let mut set: TimerSet<&str> = TimerSet::with_timer(timer)?;
/// set.insert_after(Duration::from_secs(3600), "in an hour")?;
/// assert_eq!(clock.advance_to_next(), Some(Duration::from_secs(3600))); // the descriptor is readable
/// assert_eq!(set.next_expired()?.and_then(|expired| expired.value), Some("in an hour"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The set arms its timer for the next deadline when a drain ends. Until then,
/// [`has_unread`](crate::SimulatedClock::has_unread) returns `true`, and
/// [`advance_to_next`](crate::SimulatedClock::advance_to_next) does not know that deadline. So a
/// test drains the set before it advances the clock. If the code under test takes one entry and
/// then waits for something else, use [`advance`](crate::SimulatedClock::advance) instead of
/// `advance_to_next`.
pub struct TimerSet<T, M = TimerFd> {
    timer: M,
    /// The clock that durations count on.
    steady: Clock,
    armed: Armed,
    reports_clock_changes: bool,
    has_unreported_change: bool,
    schedule: Schedule<T>,
}

impl<T> TimerSet<T> {
    /// Creates an empty set that uses a new [`TimerFd`].
    ///
    /// # Errors
    ///
    /// Those of [`TimerFd::new`].
    pub fn new(clock: Clock) -> io::Result<TimerSet<T>> {
        TimerSet::with_timer(TimerFd::new(clock)?)
    }
}

impl<T, M: Timer> TimerSet<T, M> {
    /// Creates an empty set that uses a timer of any kind, and disarms the timer.
    ///
    /// The timer can be a reference or an `Arc`. Only the set may set or read the timer. Dropping
    /// the set does not disarm a shared timer.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::disarm`].
    pub fn with_timer(timer: M) -> io::Result<TimerSet<T, M>> {
        timer.disarm()?;
        Ok(TimerSet {
            steady: steady_clock(timer.clock()),
            timer,
            armed: Armed::DISARMED,
            reports_clock_changes: false,
            has_unreported_change: false,
            schedule: Schedule::new(),
        })
    }

    /// Returns the timer.
    pub fn timer(&self) -> &M {
        &self.timer
    }

    /// Returns the clock that the durations of this set count on; see [above](TimerSet#clocks).
    #[must_use]
    pub fn duration_clock(&self) -> Clock {
        self.steady
    }

    /// Returns the current time of `clock`, real or simulated: see [`Timer::now`].
    ///
    /// With this method, a program that re-arms many entries at once reads the clock only once. If
    /// `now` is the time of [`duration_clock`](TimerSet::duration_clock), then `rearm_at(key, now +
    /// delay)` has the same effect as `rearm_after(key, delay)`.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::now`].
    pub fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        self.timer.now(clock)
    }

    /// Removes an entry and returns its value, or `None` if the entry is not in the set.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.schedule.remove(key)
    }

    /// Removes all entries and drops their values. Keeps the allocated memory.
    pub fn clear(&mut self) {
        self.schedule.clear();
    }

    /// Returns the value of an entry, or `None` if the entry is not in the set.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&T> {
        self.schedule.slots().value(key)
    }

    /// Returns the value of an entry, or `None` if the entry is not in the set.
    #[must_use]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.schedule.slots_mut().value_mut(key)
    }

    /// Returns whether an entry is in the set.
    #[must_use]
    pub fn contains_key(&self, key: Key) -> bool {
        self.schedule.slots().find(key).is_some()
    }

    /// Returns when an entry expires next, or `None` if the entry is not in the set.
    ///
    /// The deadline of an entry that never expires is 2⁶³−1 nanoseconds after the zero of its
    /// clock. [`next_deadline`](TimerSet::next_deadline) returns `None` for it.
    #[must_use]
    pub fn deadline(&self, key: Key) -> Option<ClockTime> {
        self.schedule.deadline(key).map(|(base, nanos)| self.clock_time(base, nanos))
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.schedule.slots().len()
    }

    /// Returns whether the set has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of entries that the set can hold without another allocation.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.schedule.slots().capacity()
    }

    /// Allocates memory for at least `additional` more entries, like
    /// [`Vec::reserve`].
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](io::ErrorKind::OutOfMemory): no memory is left, or the set would have more
    /// than 2³⁰−1 entries.
    pub fn reserve(&mut self, additional: usize) -> io::Result<()> {
        self.schedule.grow(self.len().saturating_add(additional))
    }

    /// Returns the deadline of the entry that expires first, or `None` if no entry will expire.
    ///
    /// The method takes `&mut self` because it sorts postponed entries. If the set has entries of
    /// two clocks, the method compares the remaining times at the moment of the call.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::now`], if the set has entries of two clocks. Otherwise the method does not
    /// fail.
    pub fn next_deadline(&mut self) -> io::Result<Option<ClockTime>> {
        let (base, nanos) = match self.schedule.first_deadlines() {
            [NEVER, NEVER] => return Ok(None),
            [steady, NEVER] => (Base::Steady, steady),
            [NEVER, wall] => (Base::Wall, wall),
            [steady, wall] => {
                let left = |now: u64, time: u64| i128::from(time) - i128::from(now);
                let (of_steady, of_wall) = (left(self.time(Base::Steady)?, steady), left(self.time(Base::Wall)?, wall));
                if of_steady <= of_wall {
                    (Base::Steady, steady)
                } else {
                    (Base::Wall, wall)
                }
            }
        };
        Ok(Some(self.clock_time(base, nanos)))
    }

    /// Waits until the descriptor is readable. Does not read it: see [`Pollable::wait_readable`].
    ///
    /// # Errors
    ///
    /// Those of [`Pollable::wait_readable`].
    pub fn wait_readable(&self, limit: Option<Duration>) -> io::Result<()> {
        self.timer.wait_readable(limit)
    }

    /// Returns the keys and the values of all entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.schedule.slots().iter()
    }

    fn is_on_wall_clock(&self) -> bool {
        self.timer.clock().without_alarm() == Clock::Realtime
    }

    fn clock_time(&self, base: Base, nanos: u64) -> ClockTime {
        ClockTime::new(self.clock_of(base), Duration::from_nanos(nanos))
    }

    #[inline]
    fn clock_of(&self, base: Base) -> Clock {
        match base {
            Base::Steady => self.steady,
            Base::Wall => Clock::Realtime,
        }
    }
}

impl<T, M: Timer> Pollable for TimerSet<T, M> {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.timer.as_pollable()
    }
}

impl<T, M: Timer> AsFd for TimerSet<T, M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_pollable()
    }
}

impl<T, M: Timer> AsRawFd for TimerSet<T, M> {
    fn as_raw_fd(&self) -> RawFd {
        self.timer.as_pollable().as_raw_fd()
    }
}

/// Shows the timer and the number of entries.
impl<T, M: fmt::Debug> fmt::Debug for TimerSet<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerSet")
            .field("timer", &self.timer)
            .field("len", &self.schedule.slots().len())
            .finish_non_exhaustive()
    }
}
