"""Runs a program with the timerfd functions in os.

Usage: python -m portable_timerfd [--backend NAME] PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType

from . import install


def run(program: str, arguments: list[str]) -> None:
    """Runs a file in the same way as python does."""
    path = os.path.abspath(program)
    main = ModuleType("__main__")
    vars(main).update(
        __file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path), __builtins__=__builtins__
    )
    with io.open_code(path) as source:
        code = compile(source.read(), path, "exec")
    sys.argv[:] = [program, *arguments]
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        # With -m, python has put the current folder there.
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    # Not restored afterwards: threads and exit handlers use __main__ after the last line has run.
    sys.modules["__main__"] = main
    exec(code, vars(main))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m portable_timerfd",
        usage="%(prog)s [-h] [--backend {kernel,userspace}] PROGRAM [ARGUMENT ...]",
        description="Runs a Python program with the functions of timerfd in os.",
    )
    parser.add_argument(
        "--backend",
        choices=("kernel", "userspace"),
        help="the backend of the timers; default: PORTABLE_TIMERFD_BACKEND, otherwise os's own functions if "
        "it has those of Linux, otherwise the kernel's timers if it has them, otherwise userspace",
    )
    parser.add_argument("program", metavar="PROGRAM", help="a file, and its arguments", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    if not asked.program:
        parser.error("there is no PROGRAM")
    try:
        install(asked.backend)
    except ValueError as error:
        parser.error(str(error))
    program, *arguments = asked.program
    if not os.path.isfile(program):
        parser.error(f"can't open file {program!r}")
    run(program, arguments)


if __name__ == "__main__":
    main()
