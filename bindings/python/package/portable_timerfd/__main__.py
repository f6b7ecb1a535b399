"""Runs a program with timerfd in os: python -m portable_timerfd [--backend kernel|userspace] PROGRAM [ARGUMENT...]."""

from __future__ import annotations

import argparse
import os
import runpy
import sys

from . import install


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m portable_timerfd", description="Runs a Python program with the functions of timerfd in os."
    )
    parser.add_argument("--backend", choices=("kernel", "userspace"), help="whose timers it gets")
    parser.add_argument("-m", dest="is_module", action="store_true", help="PROGRAM is the name of a module")
    parser.add_argument("program", metavar="PROGRAM")
    parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    try:
        install(asked.backend)
    except ValueError as error:
        parser.error(str(error))
    sys.argv[:] = [asked.program, *asked.arguments]
    if asked.is_module:
        runpy.run_module(asked.program, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(asked.program))
        runpy.run_path(asked.program, run_name="__main__")


if __name__ == "__main__":
    main()
