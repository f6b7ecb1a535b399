"""Subinterpreters and free-threaded CPython."""

import subprocess
import sys
import sysconfig

import portable_timerfd
import pytest
from conftest import PYTHON

#: Runs `program` in a subinterpreter, by the module of each version.
RUN = """
import sys
if sys.version_info >= (3, 14):
    from concurrent import interpreters
    run = lambda program: interpreters.create().exec(program)
else:
    try:
        import _interpreters
        create, run_string = lambda: _interpreters.create("legacy"), _interpreters.run_string
    except ImportError:
        import _xxsubinterpreters as _interpreters
        create, run_string = _interpreters.create, _interpreters.run_string
    def run(program):
        failure = run_string(create(), program)
        assert failure is None, failure
"""
PROGRAM = """
import portable_timerfd
print("first", flush=True)
run('''
try:
    import portable_timerfd
    print("no error", flush=True)
except ImportError as error:
    print(error, flush=True)
''')
with portable_timerfd.Timer() as timer:
    timer.settime(1e-9)
    print(timer.read())
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="only CPython has subinterpreters")
def test_a_second_interpreter_gets_an_import_error():
    ran = subprocess.run([PYTHON, "-c", RUN + PROGRAM], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    first, error, count = ran.stdout.splitlines()
    assert (first, count) == ("first", "1")
    # CPython itself refuses interpreters that have a GIL of their own.
    assert "only one interpreter" in error or "does not support loading in subinterpreters" in error


def test_the_module_can_be_imported_again_in_the_same_interpreter():
    again = (
        "import sys, portable_timerfd; del sys.modules['portable_timerfd._timerfd']; import portable_timerfd._timerfd"
    )
    subprocess.run([PYTHON, "-c", again], check=True)


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has the GIL")
def test_a_free_threaded_python_keeps_the_gil_disabled():
    assert portable_timerfd.__version__ and not sys._is_gil_enabled()
