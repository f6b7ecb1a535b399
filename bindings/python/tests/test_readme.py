"""The programs in README.md run and print the expected output."""

import os
import pathlib
import re
import subprocess

import pytest
from conftest import PYTHON

README = pathlib.Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
TESTS = [block for block in BLOCKS if "def test_" in block]
PROGRAMS = [block for block in BLOCKS if block not in TESTS]
EXPECTED = (
    "expired 1 times\n" * 3,
    "1\n1\ncancelled\n1\n",
    "the time is 1:1:1\n" * 2,
    "1\n",
    "fast\nslow\n",
)


def test_every_program_has_expected_output():
    assert len(PROGRAMS) == len(EXPECTED)


def test_the_test_passes(tmp_path):
    [test] = TESTS
    (tmp_path / "test_retry.py").write_text(test)
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_retry.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0 and "1 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize(("program", "output"), list(zip(PROGRAMS, EXPECTED)), ids=range(len(EXPECTED)))
def test_programs_print_the_expected_output(backend, program, output):
    environment = dict(os.environ, PORTABLE_TIMERFD_BACKEND=backend)
    ran = subprocess.run([PYTHON, "-c", program], env=environment, capture_output=True, text=True, check=True)
    # On a busy machine, a count can be more than 1.
    assert re.sub(r"\d+", "1", ran.stdout) == output and not ran.stderr
