"""Conversions of delays and times to nanoseconds. No result is earlier than its argument."""

from __future__ import annotations

import math
import operator
import time
from datetime import datetime, timedelta, timezone
from typing import Any, SupportsIndex

from ._types import Delay, Seconds, Time

#: The first time that is too late, in nanoseconds.
LIMIT = 2**63
#: Below it, the product of a float and 10**9 is off by less than one nanosecond.
EXACT_PRODUCT = 2**53
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
WALL_CLOCKS = (time.CLOCK_REALTIME, 8)  # Python has no name for CLOCK_REALTIME_ALARM


def of_delay(name: str, delay: Delay) -> int:
    """Returns a delay in nanoseconds. name is that of the argument, for error messages."""
    nanoseconds = _of_timedelta(delay) if isinstance(delay, timedelta) else _of_seconds(name, delay, "timedelta")
    if nanoseconds < 0:
        raise ValueError(f"{name} must not be negative: {delay!r}")
    if nanoseconds >= LIMIT:
        raise OverflowError(f"{name} must be less than 2**63 nanoseconds (about 292 years): {_with_unit(delay)}")
    return nanoseconds


def of_interval(name: str, interval: Delay) -> int:
    """Returns an interval in nanoseconds, which is at least 1."""
    nanoseconds = of_delay(name, interval)
    if nanoseconds == 0:
        raise ValueError(f"{name} must be greater than 0: {interval!r}")
    return nanoseconds


def of_datetime(name: str, when: datetime) -> int:
    """Returns the time of the wall clock in nanoseconds, which are negative before 1970."""
    if not isinstance(when, datetime):
        raise TypeError(f"{name} must be a datetime, not {type(when).__name__}")
    if when.utcoffset() is None:
        raise ValueError(f"{name} must have a time zone: {when!r} is naive; {name}.astimezone() makes it local time")
    nanoseconds = _of_timedelta(when - EPOCH)
    if nanoseconds >= LIMIT:
        raise OverflowError(f"{name} must be less than 2**63 nanoseconds after 1970 (in the year 2262): {when!r}")
    return nanoseconds


def of_time(name: str, when: Time, clockid: int) -> int:
    """Returns a time of a clock in nanoseconds, which are negative before the clock's zero."""
    if isinstance(when, datetime):
        if clockid not in WALL_CLOCKS:
            raise ValueError(f"{name} is a datetime, but the clock is not CLOCK_REALTIME: {when!r}")
        return of_datetime(name, when)
    nanoseconds = _of_seconds(name, when, "datetime")
    if nanoseconds >= LIMIT:
        raise OverflowError(f"{name} must be less than 2**63 nanoseconds after the clock's zero: {_with_unit(when)}")
    return nanoseconds


def not_before(least: int, first: int, interval: int) -> int:
    """Returns the first expiration that is not before least. The phase of an interval is kept."""
    if first >= least:
        return first
    return least + (first - least) % interval if interval else least


def of_clock(clockid: SupportsIndex) -> int:
    """Returns the number of a clock."""
    try:
        return operator.index(clockid)
    except TypeError:
        given = f"clockid must be an int, for example time.CLOCK_MONOTONIC, not {type(clockid).__name__}"
        # Programs may take the argument for a delay.
        hint = "; after() sets a delay" if isinstance(clockid, (float, timedelta)) else ""
        raise TypeError(given + hint) from None


def _with_unit(duration: Seconds | timedelta) -> str:
    return repr(duration) if isinstance(duration, timedelta) else f"{duration!r} seconds"


def _of_timedelta(delay: timedelta) -> int:
    return delay // timedelta(microseconds=1) * 1000


def _of_seconds(name: str, seconds: Seconds, alternative: str) -> int:
    if isinstance(seconds, int):
        return seconds * 10**9
    # A str has no such method, but float() accepts it.
    if not hasattr(type(seconds), "__float__") and not hasattr(type(seconds), "__index__"):
        raise TypeError(f"{name} must be a number of seconds or a {alternative}, not {type(seconds).__name__}")
    if hasattr(type(seconds), "__index__"):
        return operator.index(seconds) * 10**9  # type: ignore[arg-type]
    number: Any = seconds
    nanoseconds = float(number) * 1e9
    if math.isnan(nanoseconds):
        raise ValueError(f"{name} must be a number: {seconds!r}")
    if abs(nanoseconds) >= LIMIT:
        return LIMIT if nanoseconds > 0 else -LIMIT
    # A Decimal or a Fraction is exact.
    is_exact = not isinstance(seconds, float) and hasattr(seconds, "as_integer_ratio") and abs(nanoseconds) >= 1
    if not is_exact and abs(nanoseconds) < EXACT_PRODUCT:
        # A float of 0.1 is a little more than the number, which the product corrects. Numbers just
        # below zero would be rounded up to zero.
        return math.ceil(nanoseconds) if nanoseconds >= 0 else math.floor(nanoseconds)
    numerator, denominator = (number if is_exact else float(number)).as_integer_ratio()
    rounded: int = -(-abs(numerator) * 10**9 // denominator)
    return rounded if numerator >= 0 else -rounded
