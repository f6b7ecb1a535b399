"""The programs in README.md run and print the expected output, and its tests pass."""

import asyncio
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import PYTHON
from portable_timerfd import TFD_NONBLOCK, Expirations, SimulatedClock

README = pathlib.Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
#: The file conftest.py of the tests.
[CONFTEST] = [block for block in BLOCKS if "import simulated_clock" in block]
TESTS = [block for block in BLOCKS if "def test_" in block]
PROGRAMS = [block for block in BLOCKS if block not in (CONFTEST, *TESTS)]
NUMBERS = range(len(PROGRAMS))
EXPECTED = (
    "expired 1 times\n" * 3,
    "1\n1\ncancelled\n1\n",
    "the time is 1:1:1\n" * 2,
    "1\n" * 3,
    "fast\nslow\n",
    "",
)
[CLOCK] = [block for block in PROGRAMS if "the time is" in block]
#: Prints each time that a timer is set to.
TRACE = """
from portable_timerfd import Timer
def at(timer, when, *, set_to=Timer.at, **options):
    print(f"set to {when:%H:%M:%S}")
    set_to(timer, when, **options)
Timer.at = at
"""
[ADVANCE] = [block for block in PROGRAMS if "advance_until_done" in block]


def test_every_program_has_expected_output():
    assert len(PROGRAMS) == len(EXPECTED)


def test_the_tests_pass(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for number, test in enumerate(TESTS):
        (tmp_path / f"test_{number}.py").write_text(test)
    command = [PYTHON, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0 and f"{len(TESTS)} passed" in ran.stdout, ran.stdout + ran.stderr


def test_linters_accept_the_programs(tmp_path):
    pytest.importorskip("ruff", reason="ruff is not installed")
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"block_{number}.py").write_text(block)
    # Mistakes, for example unused imports. Style depends on the project.
    rules = ["--isolated", "--no-cache", "--select", "B,E9,F,PLC0414"]
    command = [sys.executable, "-m", "ruff", "check", *rules, "."]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(("program", "output"), list(zip(PROGRAMS, EXPECTED)), ids=NUMBERS)
def test_programs_print_the_expected_output(backend, program, output):
    environment = dict(os.environ, PORTABLE_TIMERFD_BACKEND=backend)
    ran = subprocess.run([PYTHON, "-c", program], env=environment, capture_output=True, text=True, check=True)
    # On a busy machine, a count can be more than 1.
    assert re.sub(r"\d+", "1", ran.stdout) == output and not ran.stderr


def test_the_clock_never_prints_the_previous_second(backend):
    environment = dict(os.environ, PORTABLE_TIMERFD_BACKEND=backend, TZ="UTC")
    ran = subprocess.run([PYTHON, "-c", TRACE + CLOCK], env=environment, capture_output=True, text=True, check=True)
    latest, printed = None, 0
    for line in ran.stdout.splitlines():
        seconds = sum(int(part) * unit for part, unit in zip(line[-8:].split(":"), (3600, 60, 1)))
        if line.startswith("set to "):
            latest = seconds
        else:
            # A slow machine prints a later second. A day has 86400 of them.
            assert (seconds - latest) % 86400 < 43200, ran.stdout
            printed += 1
    assert printed == 2


def test_the_clock_advances_until_a_task_is_done():
    namespace = {}
    exec(ADVANCE, namespace)

    async def set_again(timer, times):
        expirations = Expirations(timer)
        while len(times) < 5:
            timer.after(10)
            await expirations.__anext__()
            times.append(clock.monotonic())
            for _ in range(len(times)):
                await asyncio.sleep(0)

    async def main():
        times = []
        with clock.timer(flags=TFD_NONBLOCK) as timer:
            task = asyncio.ensure_future(set_again(timer, times))
            await namespace["advance_until_done"](clock, task)
            assert task.done()
        return times

    clock = SimulatedClock()
    assert asyncio.run(main()) == [1010, 1020, 1030, 1040, 1050]
