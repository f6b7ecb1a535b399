"""Timer.after(), every(), at() and cancel(), and read() with a timeout."""

import calendar
import math
import os
import select
import signal
import threading
import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import portable_timerfd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from portable_timerfd import Timer

UTC = timezone.utc
many = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def timer(backend):
    with Timer() as timer:
        yield timer


@pytest.fixture
def wall_timer(backend):
    with Timer(time.CLOCK_REALTIME) as timer:
        yield timer


@pytest.mark.parametrize("delay", [0, 0.01, timedelta(milliseconds=10), Fraction(1, 100), Decimal("0.01")])
def test_after_expires_once_and_not_early(timer, delay):
    nanoseconds = 0 if delay == 0 else 10**7
    start = time.monotonic_ns()
    timer.after(delay)
    assert timer.read() == 1
    assert time.monotonic_ns() - start >= nanoseconds
    assert timer.gettime_ns() == (0, 0)


@pytest.mark.parametrize("interval", [0.005, timedelta(milliseconds=5)])
def test_every_first_expires_after_one_interval(timer, interval):
    start = time.monotonic_ns()
    timer.every(interval)
    total = 0
    while total < 5:
        total += timer.read()
        assert total <= (time.monotonic_ns() - start) // (5 * 10**6)
    assert timer.gettime_ns()[1] == 5 * 10**6


def test_every_has_an_initial_delay(timer):
    timer.every(1000, initial=0)
    assert timer.read() == 1
    timer.every(10, initial=timedelta(seconds=1000))
    assert timer.gettime()[0] > 10


def test_at_expires_when_the_wall_clock_reaches_the_time(wall_timer):
    for zone in (UTC, timezone(timedelta(hours=5)), timezone(timedelta(hours=-11, minutes=-30))):
        due = datetime.now(zone) + timedelta(milliseconds=10)
        wall_timer.at(due)
        assert wall_timer.read() == 1 and datetime.now(UTC) >= due


@pytest.mark.parametrize("year", [1, 1969, 1970, 2001])
def test_a_time_in_the_past_expires_at_once(wall_timer, year):
    wall_timer.at(datetime(year, 1, 1, tzinfo=UTC))
    assert wall_timer.read() == 1


def test_at_can_repeat(wall_timer):
    wall_timer.at(datetime.now(UTC) - timedelta(seconds=25), interval=timedelta(seconds=10))
    assert wall_timer.read() >= 3
    assert wall_timer.gettime()[1] == 10.0


def test_at_is_for_aware_datetimes_and_the_wall_clock(timer, wall_timer):
    for naive in (datetime(2020, 1, 1), datetime.max):
        with pytest.raises(ValueError, match=r"when must have a time zone: .* is naive; when.astimezone\(\)"):
            wall_timer.at(naive)
    for other in (5.0, date(2020, 1, 1), None):
        with pytest.raises(TypeError, match="when must be a datetime, not"):
            wall_timer.at(other)
    with pytest.raises(OverflowError, match="when must be less"):
        wall_timer.at(datetime(2263, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="CLOCK_REALTIME"):
        timer.at(datetime.now(UTC))
    assert wall_timer.gettime() == timer.gettime() == (0.0, 0.0)


def test_cancel_disarms_and_discards_unread_expirations(timer):
    timer.cancel()
    timer.every(1000, initial=0)
    select.select([timer], [], [])
    timer.cancel()
    assert timer.gettime()[0] == 0.0
    with pytest.raises(TimeoutError):
        timer.read(timeout=0)
    timer.after(0)
    assert timer.read() == 1


@pytest.mark.parametrize(
    ("method", "arguments", "error", "message"),
    [
        ("after", ("1",), TypeError, "delay must be a number of seconds or a timedelta, not str"),
        ("after", (None,), TypeError, "delay must be a number of seconds or a timedelta, not NoneType"),
        ("after", (1j,), TypeError, "complex"),
        ("after", (-1,), ValueError, "delay must not be negative: -1"),
        ("after", (-1e-300,), ValueError, "delay must not be negative"),
        ("after", (-math.inf,), ValueError, "delay must not be negative"),
        ("after", (timedelta(microseconds=-1),), ValueError, "delay must not be negative"),
        ("after", (math.nan,), ValueError, "delay must be a number: nan"),
        ("after", (math.inf,), OverflowError, "delay must be less than"),
        ("after", (timedelta.max,), OverflowError, r"delay must be less than .*\)$"),
        ("after", (2**63,), OverflowError, "delay must be less than .*: 9223372036854775808 seconds$"),
        ("every", (0,), ValueError, "interval must be greater than 0: 0$"),
        ("every", (-0.0,), ValueError, "interval must be greater than 0"),
        ("every", (timedelta(),), ValueError, r"interval must be greater than 0: datetime.timedelta\(0\)$"),
        ("every", (-1,), ValueError, "interval must not be negative"),
        ("read", (-1,), ValueError, "timeout must not be negative"),
        ("read", ("1",), TypeError, "timeout must be a number"),
    ],
)
def test_errors_name_the_argument_and_change_nothing(timer, method, arguments, error, message):
    timer.after(1000)
    with pytest.raises(error, match=message):
        getattr(timer, method)(*arguments)
    assert timer.gettime()[0] > 0


def test_errors_of_keyword_arguments_name_them(timer, wall_timer):
    with pytest.raises(ValueError, match="initial must not be negative"):
        timer.every(1, initial=-1)
    with pytest.raises(ValueError, match="interval must be greater than 0"):
        wall_timer.at(datetime.now(UTC), interval=0)


def test_the_methods_of_a_closed_timer_are_errors(backend):
    timer = Timer(time.CLOCK_REALTIME)
    timer.close()
    for use in (timer.cancel, lambda: timer.after(1), lambda: timer.every(1), lambda: timer.at(datetime.now(UTC))):
        with pytest.raises(ValueError, match="closed"):
            use()


@pytest.mark.parametrize("flags", [0, portable_timerfd.TFD_NONBLOCK])
def test_read_waits_for_the_timeout(backend, flags):
    with Timer(flags=flags) as timer:
        timer.after(1000)
        for timeout, least in ((0, 0), (1e-9, 1), (0.002, 2 * 10**6), (timedelta(milliseconds=20), 2 * 10**7)):
            start = time.monotonic_ns()
            with pytest.raises(TimeoutError, match="timed out"):
                timer.read(timeout)
            assert time.monotonic_ns() - start >= least
        timer.after(0.01)
        assert timer.read(timeout=1000) == 1
        timer.after(0.01)
        # The longest timeout is longer than a wait of poll().
        assert timer.read(timeout=9e9) == 1


def test_a_timer_in_non_blocking_mode_waits_only_with_a_timeout(timer):
    timer.after(1000)
    os.set_blocking(timer.fileno(), False)
    with pytest.raises(BlockingIOError):
        timer.read()
    os.set_blocking(timer.fileno(), True)
    timer.after(0.01)
    assert timer.read() == 1


def test_a_reader_waits_again_if_another_one_takes_the_expiration(timer):
    counts = []
    readers = [threading.Thread(target=lambda: counts.append(timer.read())) for _ in range(3)]
    for reader in readers:
        reader.start()
    timer.every(0.01)
    for reader in readers:
        reader.join()
    assert len(counts) == 3 and min(counts) >= 1


def test_an_exception_of_a_signal_handler_ends_a_read(timer):
    class Interrupted(Exception):
        pass

    def interrupt(*_):
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        timer.after(1000)
        with pytest.raises(Interrupted):
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            timer.read()
    finally:
        signal.signal(signal.SIGALRM, before)


SECONDS = st.one_of(
    st.floats(min_value=0, max_value=1e-8, exclude_min=True),
    st.floats(min_value=0, max_value=9.2e9, exclude_min=True),
    st.floats(min_value=0, max_value=10, exclude_min=True),
)


@many
@given(SECONDS)
@example(0.1)
@example(1 / 3)
@example(1.5e-9)
@example(5e-324)
def test_fractions_of_a_nanosecond_are_rounded_up(timer, seconds):
    timer.every(seconds, initial=1000)
    # From 2**53 on, the product is not exact to the nanosecond.
    nanoseconds = seconds * 1e9 if seconds * 1e9 < 2**53 else Fraction(seconds) * 10**9
    assert timer.gettime_ns()[1] == max(math.ceil(nanoseconds), 1)


@many
@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(seconds=9 * 10**9)))
def test_timedeltas_are_exact(timer, delay):
    timer.every(delay, initial=1000)
    assert timer.gettime_ns()[1] == (delay.days * 86400 + delay.seconds) * 10**9 + delay.microseconds * 1000


@many
@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2262, 1, 1)),
    st.integers(min_value=-1439, max_value=1439),
)
def test_datetimes_are_exact(when, minutes):
    aware = when.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    nanoseconds = calendar.timegm(aware.utctimetuple()) * 10**9 + aware.microsecond * 1000
    assert portable_timerfd._times.of_datetime("when", aware) == nanoseconds
