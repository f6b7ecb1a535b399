"""The programs in README.md run and print the expected output."""

import os
import pathlib
import re
import subprocess

import pytest
from conftest import PYTHON

README = pathlib.Path(__file__).parents[1] / "README.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
EXPECTED = ("expired 1 times\n" * 3, "1\n1\ncancelled\n1\n", "the time is 1:1:1\n" * 2, "1\n")


def test_every_program_has_expected_output():
    assert len(PROGRAMS) == len(EXPECTED)


@pytest.mark.parametrize(("program", "output"), list(zip(PROGRAMS, EXPECTED)), ids=range(len(EXPECTED)))
def test_programs_print_the_expected_output(backend, program, output):
    environment = dict(os.environ, PORTABLE_TIMERFD_BACKEND=backend)
    ran = subprocess.run([PYTHON, "-c", program], env=environment, capture_output=True, text=True, check=True)
    # On a busy machine, a count can be more than 1.
    assert re.sub(r"\d+", "1", ran.stdout) == output and not ran.stderr
