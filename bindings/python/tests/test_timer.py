"""The Timer class."""

import copy
import errno
import gc
import os
import pickle
import select
import stat
import sys
import time
import warnings

import portable_timerfd
import pytest
from portable_timerfd import SimulatedClock, Timer


def test_a_periodic_timer_expires_repeatedly(backend):
    start = time.monotonic_ns()
    with Timer() as timer:
        assert timer.settime(initial=0.01, interval=0.005) == (0.0, 0.0)
        assert select.select([timer], [], []) == ([timer], [], [])
        total = 0
        while total < 10:
            total += timer.read()
            assert total <= (time.monotonic_ns() - start - 10**7) // (5 * 10**6) + 1
        assert timer.gettime()[1] == 0.005
        assert timer.gettime_ns()[1] == 5 * 10**6
        assert timer.settime_ns()[1] == 5 * 10**6
        assert timer.gettime() == (0.0, 0.0)


def test_a_timer_accepts_clocks_and_flags(backend):
    with Timer(time.CLOCK_REALTIME, flags=portable_timerfd.TFD_NONBLOCK) as timer:
        with pytest.raises(BlockingIOError):
            timer.read()
        timer.settime(time.time() + 0.01, flags=portable_timerfd.TFD_TIMER_ABSTIME)
        select.select([timer], [], [])
        assert timer.read() == 1
    for clockid, flags in ((12345, 0), (time.CLOCK_MONOTONIC, 7)):
        with pytest.raises(OSError, match=rf"Timer\({clockid}, flags={flags}\)") as raised:
            Timer(clockid, flags=flags)
        assert raised.value.errno == errno.EINVAL


@pytest.mark.parametrize("kind", [Timer, portable_timerfd.TimerSet, SimulatedClock().timer, SimulatedClock().timer_set])
def test_an_error_names_the_clock_argument(kind):
    with pytest.raises(TypeError, match=r"^clockid must be an int, .*, not float; after\(\) sets a delay$"):
        kind(0.5)
    with pytest.raises(TypeError, match=r"^clockid must be an int, .*, not str$"):
        kind("x")


@pytest.mark.parametrize("kind", [Timer, portable_timerfd.TimerSet, SimulatedClock().timer])
def test_the_clock_argument_is_converted_once(kind):
    class Once:
        calls = 0

        def __index__(self):
            self.calls += 1
            return time.CLOCK_MONOTONIC if self.calls == 1 else 1 // 0

    with kind(Once()) as timer:
        assert timer.fileno() >= 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: Timer(backend=1),
        lambda: portable_timerfd.TimerSet(backend=1),
        lambda: portable_timerfd.every(1, backend=1),
        lambda: portable_timerfd.set_backend(1),
        lambda: portable_timerfd.install(1),
    ],
)
def test_an_error_names_the_backend_argument(call):
    with pytest.raises(TypeError, match=r"^backend must be 'kernel', 'userspace' or None, not int$"):
        call()


def test_the_functions_accept_a_timer(backend):
    with Timer() as timer:
        portable_timerfd.timerfd_settime(timer, initial=10)
        assert portable_timerfd.timerfd_gettime(timer.fileno())[0] > 0


def test_the_end_of_the_block_closes_a_timer(backend):
    with Timer() as timer:
        fd = timer.fileno()
        assert not timer.closed and repr(timer) == f"<portable_timerfd.Timer fd={fd}>"
    assert timer.closed and repr(timer) == "<portable_timerfd.Timer closed>"
    with pytest.raises(OSError):
        os.fstat(fd)
    timer.close()
    for use in (
        timer.fileno,
        timer.read,
        timer.settime,
        timer.gettime,
        timer.gettime_ns,
        timer.settime_ns,
        timer.__enter__,
    ):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_close_reports_a_descriptor_that_was_closed_before(backend):
    timer = Timer()
    os.close(timer.fileno())
    with pytest.raises(OSError):
        timer.close()
    assert timer.closed


def test_a_second_init_closes_the_first_descriptor(backend):
    timer = Timer()
    fd = timer.fileno()
    timer.__init__()
    with pytest.raises(OSError):
        os.fstat(fd)
    timer.close()


def test_a_timer_cannot_be_copied(backend):
    with Timer() as timer:
        for make in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                make(timer)


def test_a_collected_timer_warns_and_is_closed(backend):
    timer = Timer()
    fd = timer.fileno()
    with pytest.warns(ResourceWarning, match=f"unclosed <portable_timerfd.Timer fd={fd}>"):
        del timer
        gc.collect()
    with pytest.raises(OSError):
        os.fstat(fd)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Timer().close()
        with pytest.raises(OSError):
            Timer(12345)
        gc.collect()


def test_a_warning_that_is_an_error_still_closes_a_timer(backend, monkeypatch):
    raised = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: raised.append(error.exc_type))
    timer = Timer()
    fd = timer.fileno()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del timer
        gc.collect()
    assert raised == [ResourceWarning]
    with pytest.raises(OSError):
        os.fstat(fd)


def test_a_timer_uses_the_named_backend():
    with Timer(backend="userspace") as timer:
        mode = os.fstat(timer.fileno()).st_mode
        # A socket where pipes have no inode number. The kernel's timers are neither.
        assert stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    with pytest.raises(ValueError, match="neither 'kernel' nor 'userspace': 'solar'"):
        Timer(backend="solar")
    with pytest.raises(TypeError):
        Timer(backend=3)
    assert sys.platform != "linux" or Timer(backend="kernel").close() is None
