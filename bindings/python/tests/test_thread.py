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
    raise SystemExit(f"errno {error.errno}")
timer.settime(initial=1000)
while True:
    for task in pathlib.Path("/proc/self/task").iterdir():
        if (task / "comm").read_text() == "timerfd\\n":
            thread = int(task.name)
            print(os.sched_getscheduler(thread), sorted(os.sched_getaffinity(thread)))
            raise SystemExit
"""


def run(options):
    return subprocess.run(
        [PYTHON, "-c", PROGRAM],
        env={**os.environ, "PORTABLE_TIMERFD_THREAD": options},
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


@pytest.mark.parametrize("options", ["", "fifo", "other:1", "other@"])
def test_malformed_options_are_an_error(options):
    assert run(options).stderr == "errno 22\n"
