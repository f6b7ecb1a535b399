//! The part of `SimulatedClock` that is in Rust. All times are in nanoseconds.

use crate::arguments::int;
use crate::errors::os_error;
use crate::simulated_fds::{self, Identity};
use crate::timer_set::Entries;
use descriptors::owned;
use libc::c_int;
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use timers::{Clock, ClockTime, CreateFlags, SimulatedClock, SimulatedTimer, TimerFd};

/// How long a thread waits before it lets Python handle signals, for example Ctrl-C.
const SLICE: Duration = Duration::from_millis(50);

/// How long `waiting` lets a thread begin its next slice. There is a limit because a signal handler
/// that runs between two slices may call `waiting`.
const LONGEST_TRANSITION: Duration = Duration::from_secs(10);

/// A simulated clock.
#[pyclass(frozen, module = "portable_timerfd._timerfd")]
pub(crate) struct Machine {
    clock: SimulatedClock,
    /// The number of threads in `read` that may wait.
    reading: AtomicUsize,
}

fn clock(clockid: &Bound<'_, PyAny>) -> PyResult<Clock> {
    owned::clock(int(clockid)?).map_err(|error| os_error(clockid.py(), &error))
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[pymethods]
impl Machine {
    #[new]
    fn new() -> Machine {
        Machine { clock: SimulatedClock::new(), reading: AtomicUsize::new(0) }
    }

    /// Creates a timer. Returns its descriptor, and its identity for `close`.
    fn create(
        &self,
        py: Python<'_>,
        clockid: &Bound<'_, PyAny>,
        flags: &Bound<'_, PyAny>,
    ) -> PyResult<(c_int, Identity)> {
        let (clock, flags) = (clock(clockid)?, int(flags)? | libc::O_CLOEXEC);
        let opened = CreateFlags::from_tfd_flags(flags).and_then(|flags| self.clock.open(clock, flags));
        opened.and_then(simulated_fds::add).map_err(|error| os_error(py, &error))
    }

    /// Ends a timer and closes its descriptor.
    #[staticmethod]
    fn close(identity: Identity) {
        simulated_fds::close(identity);
    }

    /// Reads a timer. If it has not expired, waits until then if `waits`, and up to `limit`.
    fn read(&self, py: Python<'_>, fd: c_int, waits: bool, limit: Option<u64>) -> PyResult<u64> {
        let closed = || os_error(py, &io::Error::from_raw_os_error(libc::EBADF));
        let timer = simulated_fds::find(fd).ok_or_else(closed)?;
        if !waits {
            return timer.try_read().map_err(|error| os_error(py, &error));
        }
        self.reading.fetch_add(1, Ordering::SeqCst);
        let result = wait(py, &timer, limit.map(Duration::from_nanos));
        self.reading.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// Creates an empty set of deadlines.
    fn entries(&self, py: Python<'_>, clockid: &Bound<'_, PyAny>) -> PyResult<Entries> {
        let timer = self.clock.timer(clock(clockid)?).map(TimerFd::from).map_err(|error| os_error(py, &error))?;
        Entries::of(py, timer, 0)
    }

    fn now(&self, clockid: &Bound<'_, PyAny>) -> PyResult<i64> {
        Ok(nanos(self.clock.now(clock(clockid)?).since_zero()))
    }

    fn advance(&self, py: Python<'_>, by: u64) {
        py.detach(|| self.clock.advance(Duration::from_nanos(by)));
    }

    fn advance_to_next(&self, py: Python<'_>) -> Option<i64> {
        py.detach(|| self.clock.advance_to_next()).map(nanos)
    }

    fn next_expiration(&self) -> Option<i64> {
        self.clock.next_expiration().map(nanos)
    }

    fn set_latency(&self, latency: u64) {
        self.clock.set_latency(Duration::from_nanos(latency));
    }

    fn set_realtime(&self, py: Python<'_>, time: u64) -> PyResult<()> {
        let time = ClockTime::new(Clock::Realtime, Duration::from_nanos(time));
        self.clock.set_realtime(time).map_err(|error| os_error(py, &error))
    }

    fn suspend(&self, py: Python<'_>, duration: u64) -> i64 {
        nanos(py.detach(|| self.clock.suspend(Duration::from_nanos(duration))))
    }

    fn has_unread(&self) -> bool {
        self.clock.has_unread()
    }

    /// Counts the threads that wait. A thread between two slices waits too, so this lets it begin
    /// the next slice.
    fn waiting(&self, py: Python<'_>) -> usize {
        let end = Instant::now() + LONGEST_TRANSITION;
        loop {
            let reading = self.reading.load(Ordering::SeqCst);
            let waiting = self.clock.waiting();
            if waiting >= reading || Instant::now() >= end {
                return waiting;
            }
            py.detach(std::thread::yield_now);
        }
    }
}

/// Waits for an expiration, in slices.
fn wait(py: Python<'_>, timer: &SimulatedTimer, limit: Option<Duration>) -> PyResult<u64> {
    let end = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        let may_repeat = |error: &io::Error| match error.kind() {
            io::ErrorKind::Interrupted => true,
            io::ErrorKind::TimedOut => left > SLICE,
            _ => false,
        };
        match py.detach(|| timer.wait(Some(left.min(SLICE)))) {
            Err(error) if may_repeat(&error) => py.check_signals()?,
            // As Timer.read() and sockets do.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(PyTimeoutError::new_err("timed out")),
            result => return result.map_err(|error| os_error(py, &error)),
        }
    }
}
