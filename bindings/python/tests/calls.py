"""Calls with valid and invalid arguments, and their outcomes.

Run as a program, records the outcomes of Python 3.13's own functions.
"""

import json
import os
import sys
import time
import warnings
from decimal import Decimal  # noqa: F401
from fractions import Fraction  # noqa: F401

CREATE = "timerfd_create"
SETTIMES = ("timerfd_settime", "timerfd_settime_ns")
ALL_ON_FD = (*SETTIMES, "timerfd_gettime", "timerfd_gettime_ns")

#: Calls that do not match the signature. PyO3 has other error messages for them than CPython.
SHAPES = [
    *(f"{CREATE}({given})" for given in ("", "1, 2", "clockid=1", "1, foo=1", "1, 2, 3", "1, flags=0, foo=1")),
    *(f"{name}({given})" for name in ALL_ON_FD for given in ("", "fd=fd", "fd, 1", "fd, foo=1", "fd, fd=fd")),
]

INTEGERS = """'a' None 1.0 2**31 -2**31-1 2**70 -2**70 True HasIndex() LargeIndex() BadIndex() Raises() Overflows() 1j""".split()
DESCRIPTORS = """
    'a' b'1' None -1 -2**31 2**31 2**70 1.5 HasIndex() Raises() object() closed other False RaisesFileno() WithFileno(fd) WithFileno('a')
    WithFileno(-2) WithFileno(2**40) WithFileno(None) WithFileno(closed) WithFileno(False) WithFileno(HasIndex())
""".split()
TIMES = """
    'a' None nan inf -inf 1e300 -1e300 9223372036.0 9223372036.854775807 9223372036.854774 9.3e9 -9223372037.0 -1 -0.5 -1e-10 0.1 1.5e-9
    1e-9 0.3 -0.0 0 10**9 2**63 2**63-1 -2**63 -2**63-1 2**70 -2**70 10**400 1j True HasIndex() LargeIndex() BadIndex() HasFloat()
    BadFloat() Raises() Overflows() Decimal('0.5') Decimal('nan') Decimal('1e30') Fraction(1,3)
""".split()
#: Calls with more than one error.
ORDERS = """
-1, initial='a'
'a', initial=nan
fd, flags='a', initial='b'
'a', flags='b'
fd, initial='a', interval=Raises()
fd, initial=Raises(), interval='a'
fd, initial='b', interval='c'
fd, initial=nan, interval='a'
fd, initial=2**70, interval='a'
fd, flags=8, initial=2**70
fd, flags=8, initial=-1
closed
closed, initial='a'
closed, initial=-1
closed, flags=8
closed, flags=8, initial=-1
other, initial=-1
other, initial=1
other, flags=8
""".strip().splitlines()

VALUES = [
    *(f"{CREATE}({clock})" for clock in (*INTEGERS, "-1", "2", "3", "100", "0", "1", "time.CLOCK_REALTIME")),
    *(
        f"{CREATE}(1, flags={flags})"
        for flags in (*INTEGERS, "1", "-1", "0", "TFD_NONBLOCK", "TFD_CLOEXEC", "TFD_NONBLOCK | 1")
    ),
    *(f"{CREATE}({given})" for given in ("'a', flags='b'", "100, flags=1", "2**40, flags='a'")),
    *(f"{name}({fd})" for name in ALL_ON_FD for fd in DESCRIPTORS),
    *(
        f"{name}(fd, flags={flags})"
        for name in SETTIMES
        for flags in (*INTEGERS, "0", "1", "2", "3", "4", "-1", "1 << 30")
    ),
    *(f"{name}(fd, {which}={time})" for name in SETTIMES for which in ("initial", "interval") for time in TIMES),
    *(f"{name}(fd, flags=1, initial={time})" for name in SETTIMES for time in ("0", "1", "2**62", "-1", "9e9")),
    *(f"{name}({given})" for name in SETTIMES for given in ORDERS),
]

#: Arguments for which Python before 3.10 has its own error message.
WORDED_BY_VERSION = ("1j)",)


class HasIndex:
    def __index__(self):
        return 1


class HasFloat:
    def __float__(self):
        return 1.0


class LargeIndex:
    def __index__(self):
        return 2**70


class Overflows:
    def __index__(self):
        raise OverflowError("of its own")


class BadIndex:
    def __index__(self):
        return "a"


class BadFloat:
    def __float__(self):
        return "a"


class Raises:
    def __index__(self):
        raise KeyError("index")

    def __float__(self):
        raise KeyError("float")


class WithFileno:
    def __init__(self, number):
        self.number = number

    def fileno(self):
        return self.number


class RaisesFileno:
    def fileno(self):
        raise KeyError("fileno")


def shape(result):
    """Returns the name of the type of a result, and of the items of a tuple."""
    if isinstance(result, tuple):
        return f"({', '.join(map(shape, result))})"
    return type(result).__name__


def outcome(module, call):
    """Returns the outcome of a call: the type of the result or the exception, and the warnings."""
    fd, (other, _) = module.timerfd_create(time.CLOCK_MONOTONIC), (pipe := os.pipe())
    os.close(closed := os.dup(fd))
    names = dict(globals(), **vars(module), fd=fd, other=other, closed=closed, nan=float("nan"), inf=float("inf"))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            result = eval(call, names)
            actual = {"returns": shape(result)}
            if call.startswith(CREATE):
                os.close(result)
        except Exception as error:
            actual = {"raises": type(error).__name__, "says": str(error), "errno": getattr(error, "errno", None)}
    for each in (fd, *pipe):
        os.close(each)
    actual["warns"] = [[warning.category.__name__, str(warning.message)] for warning in warned]
    return actual


if __name__ == "__main__":
    record = {call: outcome(os, call) for call in (*SHAPES, *VALUES)}
    json.dump(record, sys.stdout, indent=0)
    print()
