"""The rows: whose functions of timerfd a test gets."""

import os
import sys
from types import SimpleNamespace

import portable_timerfd
import pytest

#: What runs a program: not sys.executable where the interpreter has to be called by another name.
PYTHON = os.environ.get("PYTHON", sys.executable)

#: Our backends, and with them Python's own functions where it has them.
BACKENDS = [*(["kernel"] if sys.platform.startswith("linux") else []), "userspace"]
ROWS = [*BACKENDS, *(["os"] if hasattr(os, "timerfd_create") else [])]


@pytest.fixture(params=ROWS)
def row(request):
    return request.param


@pytest.fixture(params=BACKENDS)
def backend(request):
    """A backend of ours, which makes the timers for the time of a test."""
    portable_timerfd.set_backend(request.param)
    yield request.param
    portable_timerfd.set_backend(None)


@pytest.fixture
def module(row):
    """Where the functions of a row are, which makes the timers for the time of a test."""
    if row == "os":
        yield os
    else:
        portable_timerfd.set_backend(row)
        yield portable_timerfd
        portable_timerfd.set_backend(None)


@pytest.fixture
def timerfd(module):
    """The functions of a row, and its timers, which are closed in the end."""
    made = []

    def create(*args, **kwargs):
        made.append(module.timerfd_create(*args, **kwargs))
        return made[-1]

    yield SimpleNamespace(
        create=create,
        settime=module.timerfd_settime,
        settime_ns=module.timerfd_settime_ns,
        gettime=module.timerfd_gettime,
        gettime_ns=module.timerfd_gettime_ns,
        NONBLOCK=module.TFD_NONBLOCK,
        ABSTIME=module.TFD_TIMER_ABSTIME,
    )
    for fd in made:
        os.close(fd)


def count(fd):
    """What a plain read gives."""
    return int.from_bytes(os.read(fd, 8), sys.byteorder)
