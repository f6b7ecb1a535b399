"""Type checkers infer the types of typed.py, and accept the programs of the README."""

import pathlib
import subprocess
import sys

import pytest
import test_readme

pytest.importorskip("mypy", reason="mypy is not installed")
TESTS = pathlib.Path(__file__).parent


def mypy(*files, cwd):
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", *files]
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_inferred_types(tmp_path):
    mypy(TESTS / "typed.py", cwd=tmp_path)


def test_programs_of_the_readme_have_valid_types(tmp_path):
    # The first program uses the names that install() adds to os, which type checkers do not see.
    for number, program in enumerate(test_readme.PROGRAMS[1:] + test_readme.TESTS):
        (tmp_path / f"program_{number}.py").write_text(program)
    # The functions in documents have no annotations.
    mypy("--allow-untyped-defs", "--allow-untyped-calls", ".", cwd=tmp_path)
