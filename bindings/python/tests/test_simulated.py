"""SimulatedClock and its timers."""

import asyncio
import datetime
import errno
import gc
import os
import select
import selectors
import signal
import sys
import threading
import time

import portable_timerfd
import pytest
from portable_timerfd import (
    TFD_NONBLOCK,
    TFD_TIMER_ABSTIME,
    TFD_TIMER_CANCEL_ON_SET,
    ClockChanged,
    SimulatedClock,
    Timer,
)

HOUR = 3600


@pytest.fixture
def clock(simulated_clock):
    return simulated_clock


@pytest.fixture
def timer(clock):
    with clock.timer() as timer:
        yield timer


def test_a_timer_expires_when_the_clock_is_advanced(clock, timer):
    assert isinstance(timer, Timer)
    assert timer.settime(HOUR, 1) == (0.0, 0.0)
    clock.advance(datetime.timedelta(hours=1, seconds=-1))
    assert timer.gettime() == (1.0, 1.0) and not clock.has_unread()
    assert select.select([timer], [], [], 0)[0] == []
    clock.advance(3)
    assert select.select([timer], [], [], 0)[0] == [timer] and clock.has_unread()
    assert timer.read() == 3
    assert timer.settime_ns(5) == (10**9, 10**9) and timer.gettime_ns() == (5, 0)


def test_a_new_clock_shows_fixed_times(clock):
    assert clock.monotonic() == 1000.0 and clock.time() == 1e9
    assert clock.clock_gettime_ns(time.CLOCK_REALTIME) == 10**18
    assert repr(clock) == "<portable_timerfd.SimulatedClock monotonic=1000.0 time=1000000000.0>"
    clock.advance(1.5)
    assert (clock.monotonic(), clock.time()) == (1001.5, 1000000001.5)
    assert SimulatedClock().monotonic() == 1000.0


def test_the_functions_accept_the_descriptor(clock, timer):
    fd = timer.fileno()
    portable_timerfd.timerfd_settime(fd, initial=2, interval=3)
    assert portable_timerfd.timerfd_gettime_ns(timer) == (2 * 10**9, 3 * 10**9)
    clock.advance(5)
    assert int.from_bytes(os.read(fd, 8), sys.byteorder) == 2
    with pytest.raises(OSError) as raised:
        portable_timerfd.timerfd_settime(fd, flags=64)
    assert raised.value.errno == errno.EINVAL


def test_a_closed_timer_is_no_timer_any_more(clock):
    with clock.timer() as timer:
        fd = timer.fileno()
    with pytest.raises(OSError) as raised:
        portable_timerfd.timerfd_gettime(fd)
    assert raised.value.errno == errno.EBADF
    with pytest.raises(ValueError, match="closed"):
        timer.read()
    timer = clock.timer()
    with pytest.warns(ResourceWarning, match="unclosed <portable_timerfd.SimulatedTimer"):
        del timer
        gc.collect()
    assert clock.next_expiration() is None


def test_advance_to_next_stops_at_each_expiration(clock, timer):
    assert clock.advance_to_next() is None and clock.next_expiration() is None
    with clock.timer() as other:
        timer.settime(10)
        other.settime(4)
        assert clock.next_expiration() == 4.0
        assert [clock.advance_to_next(), other.read()] == [4.0, 1]
        assert [clock.advance_to_next(), timer.read()] == [6.0, 1]
        assert clock.advance_to_next() is None and clock.monotonic() == 1010.0


def test_latency_makes_expirations_late(clock, timer):
    clock.set_latency(0.25)
    timer.settime(1, 1)
    assert clock.advance_to_next() == 1.25 and timer.read() == 1
    late = []
    clock.advance_through(2, lambda: late.append((clock.monotonic(), timer.read())))
    assert late == [(1002.25, 1), (1003.25, 1)]


def test_advance_through_calls_at_each_expiration(clock, timer):
    pauses = [1]

    def double():
        timer.read()
        pauses.append(pauses[-1] * 2)
        timer.settime(pauses[-1])

    timer.settime(1)
    clock.advance_through(HOUR, double)
    assert pauses[-1] == 2048 and clock.monotonic() == 1000.0 + HOUR


def test_set_realtime_moves_absolute_times(clock):
    noon = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.timezone.utc)
    with clock.timer(time.CLOCK_REALTIME, flags=TFD_NONBLOCK) as timer:
        timer.settime(noon.timestamp(), flags=TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)
        clock.set_realtime(noon - datetime.timedelta(seconds=10))
        assert clock.time() == noon.timestamp() - 10
        with pytest.raises(ClockChanged):
            timer.read()
        with pytest.raises(BlockingIOError):
            timer.read()
        assert clock.advance_to_next() == 10.0 and timer.read() == 1
    with pytest.raises(ValueError, match="must have a time zone"):
        clock.set_realtime(datetime.datetime(2030, 1, 1))


@pytest.mark.parametrize("change", ["rearm", "remove"])
def test_advance_to_next_stops_at_the_old_deadline_of_an_entry(clock, change):
    with clock.timer_set() as timers:
        key = timers.insert(10, "value")
        if change == "rearm":
            timers.rearm(key, 20)
        else:
            timers.remove(key)
        assert clock.next_expiration() == 10.0 and clock.advance_to_next() == 10.0
        assert clock.has_unread() and list(timers.drain()) == []
        assert clock.next_expiration() == (10.0 if change == "rearm" else None)


def test_auto_advance_has_no_effect_in_an_event_loop(clock):
    clock.auto_advance = True

    async def main():
        with clock.timer(flags=TFD_NONBLOCK) as timer:
            timer.settime(1)
            readable = asyncio.Event()
            asyncio.get_running_loop().add_reader(timer, readable.set)
            await asyncio.sleep(0)
            with pytest.raises(BlockingIOError):
                timer.read()
            assert not readable.is_set() and clock.monotonic() == 1000.0
            clock.advance(1)
            await readable.wait()
            asyncio.get_running_loop().remove_reader(timer)

    asyncio.run(main())


def test_suspend_stops_only_the_monotonic_clock(clock, timer):
    timer.settime(1)
    assert clock.suspend(HOUR) == 3600.0
    assert (clock.monotonic(), clock.time(), clock.has_unread()) == (1000.0, 1e9 + HOUR, False)
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert clock.clock_gettime(time.CLOCK_BOOTTIME) == 2000.0 + HOUR


def test_durations_must_be_numbers(clock):
    for method in (clock.advance, clock.suspend, clock.set_latency):
        with pytest.raises(ValueError, match="must not be negative"):
            method(-1)
        with pytest.raises(TypeError):
            method("1")
    with pytest.raises(OSError):
        clock.timer(12345)
    with pytest.raises(OSError):
        clock.timer(flags=1)


def test_a_waiting_thread_is_counted_and_wakes(clock, timer):
    results = []
    timer.settime(HOUR)
    worker = threading.Thread(target=lambda: results.append(timer.read()))
    worker.start()
    while clock.waiting() != 1:
        time.sleep(0)
    assert not results
    clock.advance_to_next()
    worker.join()
    assert results == [1] and clock.waiting() == 0


def test_read_raises_after_its_timeout(clock, timer):
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        timer.read(timeout=0.001)
    clock.auto_advance = True
    timer.settime(10)
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        timer.read(timeout=4)
    assert clock.monotonic() == 1004.0
    assert timer.read(timeout=6) == 1 and clock.monotonic() == 1010.0


def test_auto_advance_replaces_waiting(clock, timer):
    clock.auto_advance = True
    timer.settime(HOUR, 1)
    with clock.timer() as other:
        other.settime(60)
        assert timer.read() == 1 and clock.monotonic() == 1000.0 + HOUR
        assert other.read() == 1
    assert timer.read() == 1 and clock.monotonic() == 1001.0 + HOUR
    timer.settime(0)
    with pytest.raises(RuntimeError, match="wait forever"):
        timer.read()
    with clock.timer(flags=TFD_NONBLOCK) as nonblocking, pytest.raises(BlockingIOError):
        nonblocking.read()


def test_selectors_report_expired_timers(clock, timer):
    timer.settime(HOUR)
    with selectors.DefaultSelector() as selector:
        selector.register(timer, selectors.EVENT_READ)
        assert selector.select(0) == []
        clock.advance_to_next()
        [(key, _)] = selector.select(0)
        assert key.fileobj is timer


def test_asyncio_handles_each_expiration(clock):
    async def main():
        with clock.timer(flags=TFD_NONBLOCK) as timer:
            timer.settime(1, 60)
            loop, seen = asyncio.get_running_loop(), asyncio.Queue()
            loop.add_reader(timer, lambda: seen.put_nowait((timer.read(), clock.monotonic())))
            for minute in range(60):
                clock.advance_to_next()
                assert await seen.get() == (1, 1001.0 + minute * 60)
            loop.remove_reader(timer)

    asyncio.run(main())


def test_a_loop_in_asyncio_handles_all_expirations(clock):
    async def main():
        with clock.timer_set() as timers:
            seen = []
            loop = asyncio.get_running_loop()
            loop.add_reader(timers, lambda: seen.extend((each.value, clock.monotonic()) for each in timers.drain()))
            moved = timers.insert(5, "moved")
            timers.insert(10, "later")
            timers.insert(0, "now")
            timers.rearm(moved, 20)
            while clock.has_unread() or clock.advance_to_next() is not None:
                await asyncio.sleep(0)
            loop.remove_reader(timers)
            assert seen == [("now", 1000.0), ("later", 1010.0), ("moved", 1020.0)]

    asyncio.run(main())


def test_expirations_iterates_over_a_simulated_timer(clock):
    async def main():
        timer = clock.timer(flags=TFD_NONBLOCK)
        timer.settime(HOUR, HOUR)
        async with portable_timerfd.Expirations(timer) as expirations:
            waiting = asyncio.ensure_future(expirations.__anext__())
            await asyncio.sleep(0)
            assert not waiting.done()
            clock.advance(HOUR)
            assert await waiting == 1

    asyncio.run(main())


def test_expirations_reports_a_clock_change_and_continues(clock):
    async def main():
        timer = clock.timer(time.CLOCK_REALTIME, flags=TFD_NONBLOCK)
        async with portable_timerfd.Expirations(timer) as expirations:
            now = datetime.datetime.fromtimestamp(clock.time(), datetime.timezone.utc)
            timer.at(now + datetime.timedelta(hours=1), cancel_on_set=True)
            clock.set_realtime(now + datetime.timedelta(minutes=1))
            with pytest.raises(ClockChanged):
                await expirations.__anext__()
            timer.at(now + datetime.timedelta(hours=1), cancel_on_set=True)
            assert clock.advance_to_next() == 59 * 60
            assert await expirations.__anext__() == 1

    asyncio.run(main())


def test_a_thread_that_waits_handles_signals(clock, timer):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(KeyboardInterrupt):
            timer.read()
    finally:
        signal.signal(signal.SIGALRM, before)


def raises_in_a_forked_child(call):
    child = os.fork()
    if child == 0:
        try:
            call()
            os._exit(1)
        except RuntimeError as error:
            os._exit(0 if "forked child" in str(error) else 2)
        finally:
            os._exit(3)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_cannot_use_the_clock(clock, timer):
    timer.settime(1)
    with clock.timer_set() as timers:
        calls = [timer.gettime, timer.read, clock.monotonic, clock.has_unread, clock.advance_to_next, clock.timer]
        calls += [clock.waiting, timers.fileno, lambda: timers.insert(1, None), lambda: clock.advance(1)]
        for call in calls:
            assert raises_in_a_forked_child(call), call
    assert timer.gettime() == (1.0, 0.0)


def test_a_real_timer_may_get_the_number_of_a_closed_simulated_one(clock, backend):
    simulated = clock.timer()
    simulated.settime(HOUR)
    fd = simulated.fileno()
    os.close(fd)
    with Timer() as timer:
        if timer.fileno() != fd:
            os.dup2(timer.fileno(), fd)
        portable_timerfd.timerfd_settime(fd, initial=0.001)
        assert int.from_bytes(os.read(fd, 8), sys.byteorder) == 1
        simulated.close()
        # The descriptor is still open, and is still the timer's.
        portable_timerfd.timerfd_settime(fd, initial=1000)
        if timer.fileno() != fd:
            os.close(fd)


def test_a_new_simulated_timer_may_get_the_number_of_a_closed_one(clock):
    first = clock.timer()
    os.close(first.fileno())
    second = clock.timer()
    assert second.fileno() == first.fileno()
    first.close()
    second.settime(1)
    clock.advance(1)
    assert second.read() == 1
    second.close()


def test_the_functions_accept_a_duplicate_of_the_descriptor(clock, timer):
    duplicate = os.dup(timer.fileno())
    try:
        portable_timerfd.timerfd_settime(duplicate, initial=5)
        assert timer.gettime() == portable_timerfd.timerfd_gettime(duplicate) == (5.0, 0.0)
    finally:
        os.close(duplicate)


def test_a_waiting_thread_is_always_counted(clock, timer):
    timer.settime(HOUR)
    worker = threading.Thread(target=timer.read)
    worker.start()
    while clock.waiting() != 1:
        time.sleep(0)
    # The thread interrupts its wait every 50 ms.
    end = time.monotonic() + 0.3
    counts = set()
    while time.monotonic() < end:
        counts.add(clock.waiting())
    clock.advance(HOUR)
    worker.join()
    assert counts == {1}


def test_a_timeout_is_not_longer_with_a_latency(clock, timer):
    clock.auto_advance = True
    clock.set_latency(5)
    timer.settime(2)
    assert timer.read(timeout=3) == 1 and clock.monotonic() == 1003.0
    with clock.timer() as other:
        other.settime(1)
        with pytest.raises(TimeoutError):
            timer.read(timeout=3)
    assert clock.monotonic() == 1006.0


def test_a_clock_cannot_show_times_out_of_range(clock, timer):
    timer.settime(1)
    for method in (clock.advance, clock.suspend, lambda duration: clock.advance_through(duration, timer.read)):
        with pytest.raises(OverflowError, match=r"cannot show 2\*\*63 nanoseconds"):
            method(2**63 // 10**9)
    with pytest.raises(ValueError, match="must not be before 1970"):
        clock.set_realtime(-1)
    with pytest.raises(ValueError, match="must not be before 1970"):
        clock.set_realtime(datetime.datetime(1969, 1, 1, tzinfo=datetime.timezone.utc))
    assert (clock.monotonic(), clock.time(), clock.has_unread()) == (1000.0, 1e9, False)


@pytest.mark.parametrize("kind", ["timer", "set"])
def test_a_periodic_time_before_1970_keeps_its_phase(clock, kind):
    clock.set_realtime(100)
    when = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) - datetime.timedelta(seconds=7)
    if kind == "timer":
        with clock.timer(time.CLOCK_REALTIME) as timer:
            timer.at(when, interval=20)  # 13, 33, 53, 73, 93
            assert timer.read() == 5 and clock.next_expiration() == 13.0
    else:
        with clock.timer_set(time.CLOCK_REALTIME) as timers:
            timers.insert_at(when, "value", interval=20)
            [expired] = timers.drain()
            assert (expired.count, expired.deadline) == (5, 13.0) and clock.next_expiration() == 13.0
