//! The part of `TimerSet` that is in Rust. All times are in nanoseconds.
//!
//! Dropping a Python object can run Python code, which may use the same set. So no object is
//! dropped while the set is locked.

use crate::arguments::int;
use crate::choice::chosen;
use crate::errors::{creation_error, os_error, thread_error};
use descriptors::owned;
use libc::c_int;
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use timers::backends::userspace;
use timers::bindings::c_monotonic_offset;
use timers::{timer_set, Clock, ClockTime, TimerFd, TimerSet, TimerSpec};

type Object = Py<PyAny>;

/// Identifies an entry of one TimerSet. It is hashable, and cannot be copied or pickled.
#[pyclass(frozen, eq, hash, module = "portable_timerfd._timerfd")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Key {
    set: u64,
    key: timer_set::Key,
}

#[pymethods]
impl Key {
    fn __repr__(&self) -> String {
        let key = format!("{:?}", self.key);
        let key = key.trim_start_matches("Key { ").trim_end_matches(" }").replace(": ", " ");
        format!("<portable_timerfd.Key of set {}, {key}>", self.set)
    }
}

/// A set of entries, each with a deadline and a Python object.
#[pyclass(frozen, module = "portable_timerfd._timerfd")]
pub(crate) struct Entries {
    /// Differs between the sets of this process.
    id: u64,
    clock: Clock,
    is_emulated: bool,
    /// How far C's monotonic clock is ahead of the timer's.
    monotonic_offset: i64,
    /// `None` after `close`.
    set: Mutex<Option<TimerSet<Object>>>,
}

/// When an entry expires: `is_absolute`, the first expiration, the interval.
type Setting = (bool, u64, u64);

impl Entries {
    pub(crate) fn of(py: Python<'_>, timer: TimerFd, monotonic_offset: i64) -> PyResult<Entries> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let clock = timer.clock().without_alarm();
        let is_emulated = timer.backend() == userspace::BACKEND;
        let set = TimerSet::with_timer(timer).map_err(|error| os_error(py, &error))?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Entries { id, clock, is_emulated, monotonic_offset, set: Mutex::new(Some(set)) })
    }

    /// Calls `operation` with the locked set.
    fn with<R>(&self, py: Python<'_>, operation: impl FnOnce(&mut TimerSet<Object>) -> R) -> PyResult<R> {
        let mut set = self.set.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        let closed = || PyValueError::new_err("I/O operation on closed timer set");
        set.as_mut().map(operation).ok_or_else(closed)
    }

    /// Like `with`, for operations that can fail.
    fn attempt<R>(
        &self,
        py: Python<'_>,
        operation: impl FnOnce(&mut TimerSet<Object>) -> io::Result<R>,
    ) -> PyResult<R> {
        self.with(py, operation)?.map_err(|error| self.error(py, &error))
    }

    fn error(&self, py: Python<'_>, error: &io::Error) -> PyErr {
        if self.is_emulated {
            thread_error(py, error)
        } else {
            os_error(py, error)
        }
    }

    /// Like `with`, for an entry. Returns `None` if the key is of another set.
    fn entry<R>(
        &self,
        py: Python<'_>,
        key: &Key,
        operation: impl FnOnce(&mut TimerSet<Object>, timer_set::Key) -> Option<R>,
    ) -> PyResult<Option<R>> {
        self.with(py, |set| (key.set == self.id).then(|| operation(set, key.key)).flatten())
    }

    fn spec(&self, (is_absolute, first, interval): Setting) -> TimerSpec {
        let interval = Duration::from_nanos(interval);
        if !is_absolute {
            return TimerSpec::after(Duration::from_nanos(first)).every(interval);
        }
        let first = i128::from(first) - i128::from(self.offset(self.clock));
        let first = Duration::from_nanos(u64::try_from(first).unwrap_or(0));
        TimerSpec::at(ClockTime::new(self.clock, first)).every(interval)
    }

    fn offset(&self, clock: Clock) -> i64 {
        if clock == Clock::Monotonic {
            self.monotonic_offset
        } else {
            0
        }
    }

    /// Converts a time to C's clock.
    fn time(&self, time: ClockTime) -> i64 {
        let since_zero = i64::try_from(time.since_zero().as_nanos()).unwrap_or(i64::MAX);
        since_zero.saturating_add(self.offset(time.clock()))
    }

    fn key(&self, key: timer_set::Key) -> Key {
        Key { set: self.id, key }
    }
}

/// An expired entry: key, deadline, count, value.
type Expired = (Key, i64, u64, Object);

#[pymethods]
impl Entries {
    #[new]
    fn new(py: Python<'_>, backend: &Bound<'_, PyAny>, clockid: &Bound<'_, PyAny>) -> PyResult<Entries> {
        let (clockid, backend) = (int(clockid)?, chosen(backend)?);
        let is_valid = owned::clock(clockid).is_ok();
        let opened = py.detach(|| Ok((owned::open(backend, clockid)?, c_monotonic_offset()?)));
        let (timer, offset) = opened.map_err(|error: io::Error| creation_error(py, &error, is_valid))?;
        Entries::of(py, timer, offset)
    }

    fn insert(&self, py: Python<'_>, setting: Setting, value: Object) -> PyResult<Key> {
        // After an error the set drops its reference, under the lock. So this one is dropped later.
        let _kept = value.clone_ref(py);
        let spec = self.spec(setting);
        Ok(self.key(self.attempt(py, |set| set.insert(&spec, value))?))
    }

    fn rearm(&self, py: Python<'_>, key: &Bound<'_, Key>, setting: Setting) -> PyResult<bool> {
        let spec = self.spec(setting);
        let result = self.entry(py, key.get(), |set, key| Some(set.rearm(key, &spec)))?;
        result.unwrap_or(Ok(false)).map_err(|error| self.error(py, &error))
    }

    fn remove(&self, py: Python<'_>, key: &Bound<'_, Key>, default: Object) -> PyResult<Object> {
        Ok(self.entry(py, key.get(), TimerSet::remove)?.unwrap_or(default))
    }

    fn get(&self, py: Python<'_>, key: &Bound<'_, Key>, default: Object) -> PyResult<Object> {
        let value = self.entry(py, key.get(), |set, key| set.get(key).map(|value| value.clone_ref(py)))?;
        Ok(value.unwrap_or(default))
    }

    fn deadline(&self, py: Python<'_>, key: &Bound<'_, Key>) -> PyResult<Option<i64>> {
        let time = self.entry(py, key.get(), |set, key| set.deadline(key))?;
        Ok(time.map(|time| self.time(time)))
    }

    fn next_expired(&self, py: Python<'_>) -> PyResult<Option<Expired>> {
        let expired = self.attempt(py, |set| {
            let Some(expired) = set.next_expired()? else { return Ok(None) };
            // A periodic entry keeps its value in the set.
            let value = expired.value.or_else(|| set.get(expired.key).map(|value| value.clone_ref(py)));
            Ok(value.map(|value| (expired.key, expired.deadline, expired.count, value)))
        })?;
        Ok(expired.map(|(key, deadline, count, value)| (self.key(key), self.time(deadline), count, value)))
    }

    fn report_clock_changes(&self, py: Python<'_>, report: bool) -> PyResult<()> {
        self.attempt(py, |set| set.report_clock_changes(report))
    }

    fn keys(&self, py: Python<'_>) -> PyResult<Vec<Key>> {
        self.with(py, |set| set.iter().map(|(key, _)| self.key(key)).collect())
    }

    fn len(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |set| set.len())
    }

    fn fileno(&self, py: Python<'_>) -> PyResult<c_int> {
        self.with(py, |set| set.as_raw_fd())
    }

    fn close(&self, py: Python<'_>) {
        let closed = self.set.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner).take();
        drop(closed);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The set is locked only while a thread uses it, so it is no garbage then.
        let Ok(set) = self.set.try_lock() else { return Ok(()) };
        set.as_ref().map_or(Ok(()), |set| set.iter().try_for_each(|(_, value)| visit.call(value)))
    }

    fn __clear__(&self) {
        let Ok(mut set) = self.set.try_lock() else { return };
        let cleared = set.take();
        drop(set);
        drop(cleared);
    }
}
