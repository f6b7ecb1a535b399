"""ClockChanged. The emulation is tested in a process whose wall clock a preloaded library steps."""

import errno
import os
import pathlib
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

import portable_timerfd
import pytest
from conftest import PYTHON
from portable_timerfd import ClockChanged, Timer

SOURCE = pathlib.Path(__file__).with_name("stepped_clock.c")

PRELUDE = """
import asyncio, ctypes, errno, os, select, threading, time
from datetime import datetime, timedelta, timezone
from portable_timerfd import TFD_NONBLOCK, ClockChanged, Expirations, Timer, sleep_until

step = ctypes.CDLL(None).step_clock
HOUR = 3600

def in_hours(hours):
    return datetime.now(timezone.utc) + timedelta(hours=hours)

def changed(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ClockChanged as error:
        assert isinstance(error, OSError) and error.errno == errno.ECANCELED
        assert str(error) == f"[Errno {errno.ECANCELED}] the wall clock was changed"
        return True
    return False

def times_out(timer):
    try:
        timer.read(timeout=0)
    except TimeoutError:
        return True
    return False

timer = Timer(time.CLOCK_REALTIME)
"""

PROGRAMS = {
    "read_reports_a_change_once": """
timer.at(in_hours(10), cancel_on_set=True)
step(-HOUR)
select.select([timer], [], [])
assert changed(timer.read)
assert times_out(timer)
assert timer.gettime()[0] > 10.5 * HOUR
""",
    "a_blocked_read_reports_a_change": """
timer.at(in_hours(10), cancel_on_set=True)
threading.Timer(0.05, step, [HOUR]).start()
assert changed(timer.read)
timer.at(in_hours(10), cancel_on_set=True)
threading.Timer(0.05, step, [HOUR]).start()
assert changed(timer.read, timeout=1000)
""",
    "an_expired_timer_is_disarmed_and_can_be_set_again": """
timer.at(in_hours(1), interval=HOUR, cancel_on_set=True)
step(2 * HOUR)
assert changed(timer.read)
assert timer.gettime()[0] == 0.0
timer.at(in_hours(-1), cancel_on_set=True)
assert timer.read() == 1
""",
    "a_setting_reports_a_change_and_is_in_force": """
for set_again in (
    lambda: timer.at(in_hours(10), cancel_on_set=True),
    lambda: timer.settime(time.time() + HOUR, flags=3),
    lambda: timer.settime_ns(time.time_ns() + HOUR * 10**9, flags=3),
):
    timer.at(in_hours(5), cancel_on_set=True)
    step(-HOUR)
    assert changed(set_again)
    assert timer.gettime()[0] > 0
    assert times_out(timer)
""",
    "without_cancel_on_set_no_change_is_reported": """
timer.at(in_hours(10))
step(HOUR)
assert times_out(timer)
timer.after(1000)
step(-HOUR)
assert times_out(timer)
""",
    "expirations_report_a_change": """
async def main():
    timer = Timer(time.CLOCK_REALTIME, flags=TFD_NONBLOCK)
    timer.at(in_hours(10), cancel_on_set=True)
    async with Expirations(timer) as expirations:
        step(-HOUR)
        try:
            await expirations.__anext__()
        except ClockChanged:
            timer.at(in_hours(-1), cancel_on_set=True)
            assert await expirations.__anext__() == 1
        else:
            raise AssertionError

asyncio.run(main())
""",
    "sleep_until_follows_the_clock": """
async def main():
    asyncio.get_running_loop().call_later(0.05, step, 3 * HOUR)
    await sleep_until(in_hours(2))

asyncio.run(main())
""",
}


@pytest.fixture(scope="module")
def stepped_clock(tmp_path_factory):
    """A library that replaces the C library's clock_gettime()."""
    compiler = shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("clock") / "stepped_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    return library


@pytest.mark.parametrize("program", PROGRAMS)
def test_on_the_emulation(stepped_clock, program):
    environment = dict(os.environ, PORTABLE_TIMERFD_BACKEND="userspace", LD_PRELOAD=str(stepped_clock))
    code = f"{PRELUDE}{PROGRAMS[program]}\ntimer.close()\nprint('passed')"
    ran = subprocess.run([PYTHON, "-c", code], env=environment, capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("passed\n", "")


def test_every_ecanceled_becomes_clock_changed(backend, monkeypatch):
    def canceled(*_, **__):
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))

    with Timer(time.CLOCK_REALTIME) as timer:
        for name in ("try_read", "timerfd_settime", "timerfd_settime_ns"):
            monkeypatch.setattr(portable_timerfd._timerfd, name, canceled)
        later = datetime.now(timezone.utc) + timedelta(hours=1)
        for call in (timer.read, timer.settime, timer.settime_ns, lambda: timer.at(later, cancel_on_set=True)):
            with pytest.raises(ClockChanged) as raised:
                call()
            assert raised.value.errno == errno.ECANCELED
            assert raised.value.strerror == "the wall clock was changed"


def test_other_errors_stay_as_they_are(backend):
    with Timer() as timer, pytest.raises(OSError) as raised:
        timer.settime(-1)
    assert type(raised.value) is OSError and raised.value.errno == errno.EINVAL


def test_cancel_on_set_passes_the_flag(backend, monkeypatch):
    flags = []
    monkeypatch.setattr(Timer, "settime_ns", lambda *_, flags=0, seen=flags: seen.append(flags))
    with Timer(time.CLOCK_REALTIME) as timer:
        later = datetime.now(timezone.utc) + timedelta(hours=1)
        timer.at(later)
        timer.at(later, cancel_on_set=True)
    absolute = portable_timerfd.TFD_TIMER_ABSTIME
    assert flags == [absolute, absolute | portable_timerfd.TFD_TIMER_CANCEL_ON_SET]
