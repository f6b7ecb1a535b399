"""The options of the timer thread from PORTABLE_TIMERFD_THREAD."""

import os
import subprocess
import sys

import pytest
from conftest import PYTHON

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are found in Linux's /proc")

#: Prints the policy and the CPUs of the timer thread.
PROGRAM = """
import os, pathlib, portable_timerfd
try:
    timer = portable_timerfd.Timer(backend="userspace")
except OSError as error:
    raise SystemExit(f"errno {error}")
timer.settime(initial=1000)
while True:
    for task in pathlib.Path("/proc/self/task").iterdir():
        if (task / "comm").read_text() == "timerfd\\n":
            thread = int(task.name)
            print(os.sched_getscheduler(thread), sorted(os.sched_getaffinity(thread)))
            raise SystemExit
"""


def run(options, program=PROGRAM):
    return subprocess.run(
        [PYTHON, "-c", program],
        env={**os.environ, "PORTABLE_TIMERFD_THREAD": options},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_environment_chooses_cpus():
    cpu = min(os.sched_getaffinity(0))
    assert run(f"other@{cpu}").stdout == f"{os.SCHED_OTHER} [{cpu}]\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may have real-time threads")
def test_the_environment_chooses_a_policy():
    assert run("fifo:60").stdout == f"{os.SCHED_FIFO} {sorted(os.sched_getaffinity(0))}\n"


PRINT_ERROR = """
import portable_timerfd
from portable_timerfd import Timer, TimerSet

def print_error(call):
    try:
        call()
    except OSError as error:
        print(error)
"""

#: Prints the errors of a call that sets an emulated timer.
SETTING = f"""{PRINT_ERROR}
timer, timers = Timer(backend="userspace"), TimerSet(backend="userspace")
print_error(lambda: timer.after(1))
print_error(lambda: portable_timerfd.timerfd_settime(timer, initial=1))
print_error(lambda: timers.insert(1, None))
timer.close(), timers.close()
"""

#: Prints the errors of calls whose arguments are invalid.
ARGUMENTS = f"""{PRINT_ERROR}
print_error(lambda: Timer(99, backend="userspace"))
print_error(lambda: Timer(flags=1, backend="userspace"))
print_error(lambda: TimerSet(99, backend="userspace"))
print_error(lambda: portable_timerfd.timerfd_settime(0, initial=1))
"""


@pytest.mark.parametrize("options", ["", "fifo", "other:1", "other@", "fifo:0"])
def test_malformed_options_are_an_error(options):
    value = f"[Errno 22] Invalid argument: PORTABLE_TIMERFD_THREAD={options!r}"
    assert run(options).stderr == f"errno {value}\n"
    assert run(options, PROGRAM.replace("Timer(", "TimerSet(")).stderr == f"errno {value}\n"


def test_an_error_of_the_first_setting_names_the_options():
    error = "[Errno 22] Invalid argument: PORTABLE_TIMERFD_THREAD='other@999'\n"
    ran = run("other@999", SETTING)
    assert ran.stdout == error * 3, ran.stderr


def test_an_invalid_argument_is_not_blamed_on_the_options():
    for options in ("fast", "other@999"):
        assert run(options, ARGUMENTS).stdout.splitlines() == [
            "[Errno 22] Invalid argument: Timer(99, flags=0)",
            "[Errno 22] Invalid argument: Timer(1, flags=1)",
            "[Errno 22] Invalid argument",
            "[Errno 22] Invalid argument",
        ]


def test_an_invalid_setting_is_not_blamed_on_valid_options():
    program = SETTING.replace("timer.after(1)", "timer.settime(-1)")
    assert run("other", program).stdout == "[Errno 22] Invalid argument\n"
