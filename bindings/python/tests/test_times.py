"""Times: how floats become nanoseconds, what comes back, and that nothing comes early."""

import math
import os
import struct
import time

import portable_timerfd
import pytest
from conftest import count
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

MOST = 2**63 - 1
SECONDS = st.one_of(
    st.floats(min_value=0, max_value=1e-8),
    st.floats(min_value=0, max_value=9.2e9),
    st.floats(min_value=0, max_value=10),
)
many = settings(deadline=None, suppress_health_check=list(HealthCheck))


def nanoseconds(row, seconds):
    """As os cuts off fractions; but what is more than nothing stays so."""
    cut = math.floor(seconds * 1e9)
    return cut if row == "os" or not seconds > 0 else max(cut, 1)


@pytest.fixture
def fd(timerfd):
    """One for all examples."""
    return timerfd.create(time.CLOCK_MONOTONIC)


@many
@given(SECONDS)
@example(1e-10)
@example(0.1 + 0.2)
@example(1.5e-9)
def test_intervals_in_seconds_are_cut_to_nanoseconds(row, timerfd, fd, seconds):
    timerfd.settime(fd, initial=9e9, interval=seconds)
    interval = nanoseconds(row, seconds)
    assert timerfd.gettime_ns(fd)[1] == interval
    assert timerfd.gettime(fd)[1] == interval // 10**9 + (interval % 10**9) * 1e-9


@many
@given(st.integers(min_value=0, max_value=MOST))
def test_intervals_in_nanoseconds_come_back_as_they_are(timerfd, fd, interval):
    timerfd.settime_ns(fd, initial=MOST, interval=interval)
    # In its last second, the kernel rounds up.
    assert timerfd.gettime_ns(fd)[1] == (interval if interval < MOST // 10**9 * 10**9 else MOST)


@many
@given(st.one_of(st.floats(), st.integers(), st.integers(min_value=-(2**64), max_value=2**64)))
def test_a_time_is_taken_or_refused_as_by_os(row, timerfd, fd, seconds):
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


def test_less_than_a_nanosecond_is_one(backend):
    with portable_timerfd.Timer() as timer:
        timer.settime(1e-300)
        assert timer.read() == 1


def test_what_is_left_comes_back_in_the_order_of_os(timerfd):
    fd = timerfd.create(time.CLOCK_MONOTONIC)
    before = time.monotonic_ns()
    assert timerfd.settime_ns(fd, initial=60 * 10**9, interval=7) == (0, 0)
    left, interval = timerfd.settime_ns(fd, initial=0)
    passed = time.monotonic_ns() - before
    assert interval == 7 and 60 * 10**9 - passed <= left <= 60 * 10**9
    assert timerfd.gettime(fd) == (0.0, 0.0)


def test_no_expiration_comes_early_and_none_is_lost(timerfd):
    fd = timerfd.create(time.CLOCK_MONOTONIC)
    start = time.monotonic_ns()
    timerfd.settime(fd, initial=0.01, interval=0.002)
    set_by = time.monotonic_ns()
    total = 0
    while total < 50:
        # So that there are several to be told of at once.
        time.sleep(0.005)
        total += count(fd)
        assert total <= (time.monotonic_ns() - start - 10**7) // (2 * 10**6) + 1
    # The first read takes what was told already; what is told to the second was counted later than this.
    before = time.monotonic_ns()
    total += count(fd) + count(fd)
    assert total >= (before - set_by - 10**7) // (2 * 10**6) + 1
    left, interval = timerfd.gettime_ns(fd)
    assert 0 <= left <= interval == 2 * 10**6


def test_absolute_times_are_those_of_the_clock(timerfd):
    for clockid, now in ((time.CLOCK_MONOTONIC, time.monotonic_ns), (time.CLOCK_REALTIME, time.time_ns)):
        fd = timerfd.create(clockid)
        due = now() + 20 * 10**6
        timerfd.settime_ns(fd, flags=timerfd.ABSTIME, initial=due)
        assert count(fd) == 1 and now() >= due
        timerfd.settime_ns(fd, flags=timerfd.ABSTIME, initial=1)
        assert count(fd) == 1


def test_a_count_is_eight_bytes_of_the_machines_order(timerfd):
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
