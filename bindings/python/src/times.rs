//! Conversions between Python's times (nanoseconds and float seconds) and C's.

use descriptors::Itimerspec;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use timers::bindings::{Itimerspec as Wide, Timespec};

const SECOND: i64 = 1_000_000_000;

/// Converts seconds to nanoseconds and truncates the fraction, as `os` does.
///
/// A time greater than zero becomes at least one nanosecond, because zero would disarm the timer.
fn in_nanoseconds(seconds: f64) -> PyResult<i64> {
    let nanoseconds = (seconds * 1e9).floor();
    // `i64::MAX` is no float: `i64::MAX as f64` is the first number that does not fit.
    if !(i64::MIN as f64 <= nanoseconds && nanoseconds < i64::MAX as f64) {
        return Err(out_of_range());
    }
    Ok(if seconds > 0.0 { (nanoseconds as i64).max(1) } else { nanoseconds as i64 })
}

fn out_of_range() -> PyErr {
    PyOverflowError::new_err("timestamp out of range for platform time_t")
}

/// Converts a setting in nanoseconds.
pub(crate) fn of_nanoseconds(initial: i64, interval: i64) -> PyResult<Itimerspec> {
    let time = |time: i64| Timespec { tv_sec: time.div_euclid(SECOND), tv_nsec: time.rem_euclid(SECOND) };
    Itimerspec::new(&Wide { it_interval: time(interval), it_value: time(initial) }).ok_or_else(out_of_range)
}

/// Converts a setting in seconds.
pub(crate) fn of_seconds(initial: f64, interval: f64) -> PyResult<Itimerspec> {
    of_nanoseconds(in_nanoseconds(initial)?, in_nanoseconds(interval)?)
}

/// Returns the remaining time and the interval, in seconds.
pub(crate) fn seconds(spec: &Itimerspec) -> (f64, f64) {
    // Computed in the same two steps as in `os`, so that the last digit is equal.
    let time = |time: Timespec| time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9;
    let wide = spec.widen();
    (time(wide.it_value), time(wide.it_interval))
}

/// Returns the remaining time and the interval, in nanoseconds.
pub(crate) fn nanoseconds(spec: &Itimerspec) -> PyResult<(i64, i64)> {
    let time = |time: Timespec| {
        let whole = time.tv_sec.checked_mul(SECOND).and_then(|whole| whole.checked_add(time.tv_nsec));
        whole.ok_or_else(|| PyOverflowError::new_err("timestamp too large to convert to C PyTime_t"))
    };
    let wide = spec.widen();
    Ok((time(wide.it_value)?, time(wide.it_interval)?))
}
