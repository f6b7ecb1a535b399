"""Times: conversion of floats to nanoseconds, returned times, and that no expiration is early."""

import math
import os
import struct
import time
from decimal import Decimal
from fractions import Fraction

import portable_timerfd
import pytest
from conftest import count
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from portable_timerfd._times import _of_seconds

MOST = 2**63 - 1
SECONDS = st.one_of(
    st.floats(min_value=0, max_value=1e-8),
    st.floats(min_value=0, max_value=9.2e9),
    st.floats(min_value=0, max_value=10),
)
many = settings(deadline=None, suppress_health_check=list(HealthCheck))


def nanoseconds(implementation, seconds):
    """Truncates fractions as os does, except that a time greater than 0 becomes at least 1."""
    truncated = math.floor(seconds * 1e9)
    return truncated if implementation == "os" or not seconds > 0 else max(truncated, 1)


@pytest.fixture
def fd(timerfd):
    """A timer for all examples of a test."""
    return timerfd.create(time.CLOCK_MONOTONIC)


@many
@given(SECONDS)
@example(1e-10)
@example(0.1 + 0.2)
@example(1.5e-9)
def test_intervals_in_seconds_are_truncated_to_nanoseconds(implementation, timerfd, fd, seconds):
    timerfd.settime(fd, initial=9e9, interval=seconds)
    interval = nanoseconds(implementation, seconds)
    assert timerfd.gettime_ns(fd)[1] == interval
    assert timerfd.gettime(fd)[1] == interval // 10**9 + (interval % 10**9) * 1e-9


@many
@given(st.integers(min_value=0, max_value=MOST))
def test_intervals_in_nanoseconds_are_returned_unchanged(timerfd, fd, interval):
    timerfd.settime_ns(fd, initial=MOST, interval=interval)
    # In the last second of the range, the kernel rounds up.
    assert timerfd.gettime_ns(fd)[1] == (interval if interval < MOST // 10**9 * 10**9 else MOST)


@many
@given(st.one_of(st.floats(), st.integers(), st.integers(min_value=-(2**64), max_value=2**64)))
def test_times_are_accepted_or_refused_as_by_os(timerfd, fd, seconds):
    timerfd.settime(fd)
    try:
        wide = math.isfinite(seconds) and -(2**63) <= float(seconds) * 1e9 < 2**63
    except OverflowError:
        wide = False
    if not wide:
        with pytest.raises(OverflowError):
            timerfd.settime(fd, initial=seconds)
    elif math.floor(float(seconds) * 1e9) < 0:
        with pytest.raises(OSError, match="Invalid argument"):
            timerfd.settime(fd, initial=seconds)
    else:
        assert timerfd.settime(fd, initial=seconds) == (0.0, 0.0)


#: The seconds of 2**63 nanoseconds, rounded down.
WHOLE = 2**63 // 10**9
DECIMALS = st.decimals(min_value=-WHOLE, max_value=WHOLE, allow_nan=False)


@many
@given(st.one_of(st.floats(-WHOLE, WHOLE), st.integers(-WHOLE, WHOLE), st.fractions(-WHOLE, WHOLE), DECIMALS))
@example(1700000000.1234567)
@example(2.0**23)
@example(Decimal("1700000000.000000001"))
def test_no_result_is_early(seconds):
    result, exact = _of_seconds("when", seconds, "datetime"), Fraction(seconds) * 10**9
    if isinstance(seconds, float) and abs(seconds * 1e9) < 2**53:
        # 0.1 is 100,000,000 ns, although the float is a little more than 0.1.
        assert abs(result - exact) < 1.5 and abs(result) >= abs(seconds * 1e9)
    elif isinstance(seconds, Decimal) and abs(float(seconds)) * 1e9 < 1:
        assert result in (-1, 0, 1)
    else:
        assert 0 <= abs(result) - abs(exact) < 1


def test_less_than_a_nanosecond_counts_as_one(backend):
    with portable_timerfd.Timer() as timer:
        timer.settime(1e-300)
        assert timer.read() == 1


def test_the_old_setting_is_returned_in_the_order_of_os(timerfd):
    fd = timerfd.create(time.CLOCK_MONOTONIC)
    before = time.monotonic_ns()
    assert timerfd.settime_ns(fd, initial=60 * 10**9, interval=7) == (0, 0)
    left, interval = timerfd.settime_ns(fd, initial=0)
    passed = time.monotonic_ns() - before
    assert interval == 7 and 60 * 10**9 - passed <= left <= 60 * 10**9
    assert timerfd.gettime(fd) == (0.0, 0.0)


def test_no_expiration_is_early_or_lost(timerfd):
    fd = timerfd.create(time.CLOCK_MONOTONIC)
    start = time.monotonic_ns()
    timerfd.settime(fd, initial=0.01, interval=0.002)
    set_by = time.monotonic_ns()
    total = 0
    while total < 50:
        # Several expirations come meanwhile, and the next read returns them together.
        time.sleep(0.005)
        total += count(fd)
        assert total <= (time.monotonic_ns() - start - 10**7) // (2 * 10**6) + 1
    # The first read returns an older count. The count of the second read is later than `before`.
    before = time.monotonic_ns()
    total += count(fd) + count(fd)
    assert total >= (before - set_by - 10**7) // (2 * 10**6) + 1
    left, interval = timerfd.gettime_ns(fd)
    assert 0 <= left <= interval == 2 * 10**6


def test_absolute_times_use_the_timers_clock(timerfd):
    for clockid, now in ((time.CLOCK_MONOTONIC, time.monotonic_ns), (time.CLOCK_REALTIME, time.time_ns)):
        fd = timerfd.create(clockid)
        due = now() + 20 * 10**6
        timerfd.settime_ns(fd, flags=timerfd.ABSTIME, initial=due)
        assert count(fd) == 1 and now() >= due
        timerfd.settime_ns(fd, flags=timerfd.ABSTIME, initial=1)
        assert count(fd) == 1


def test_a_count_is_eight_bytes_in_native_order(timerfd):
    fd = timerfd.create(time.CLOCK_MONOTONIC)
    timerfd.settime(fd, initial=0.001)
    assert struct.unpack("=Q", os.read(fd, 100)) == (1,)


def test_without_arguments_a_timer_is_disarmed(timerfd):
    fd = timerfd.create(time.CLOCK_MONOTONIC, flags=timerfd.NONBLOCK)
    timerfd.settime(fd, initial=1e-6, interval=0.5)
    timerfd.settime(fd)
    assert timerfd.gettime(fd)[0] == 0
    with pytest.raises(BlockingIOError):
        os.read(fd, 8)
