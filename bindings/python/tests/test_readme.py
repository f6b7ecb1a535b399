"""The programs in README.md run and print the expected output, and its tests pass."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import PYTHON

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
    "1\n",
    "the time is 1:1:1\n" * 2,
    "fast\nslow\n",
    "",
)


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
