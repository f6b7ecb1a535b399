"""Runs a program with the functions of timerfd in os: python -m portable_timerfd [--backend NAME] PROGRAM [ARGUMENT...]."""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType

from . import install


def run(program: str, arguments: list[str]) -> None:
    """Runs a file as python itself would."""
    path = os.path.abspath(program)
    main = ModuleType("__main__")
    vars(main).update(
        __file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path), __builtins__=__builtins__
    )
    with io.open_code(path) as source:
        code = compile(source.read(), path, "exec")
    sys.argv[:] = [program, *arguments]
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        # The present folder's place, which python has made.
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    # For good: threads, and what is to be done at exit, look there when the last line has been run.
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
        help="whose timers it gets; else what PORTABLE_TIMERFD_BACKEND says, or those of os, or the kernel's where it has them",
    )
    parser.add_argument(
        "program", metavar="PROGRAM", help="a file, and what it is to find in sys.argv", nargs=argparse.REMAINDER
    )
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
