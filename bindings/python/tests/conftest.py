"""The implementations of timerfd that the tests run on."""

import os
import sys
from types import SimpleNamespace

import portable_timerfd
import pytest
from portable_timerfd.pytest import simulated_clock

__all__ = ["simulated_clock"]

#: The interpreter for programs. PYTHON overrides sys.executable.
PYTHON = os.environ.get("PYTHON", sys.executable)

#: The backends of this module.
BACKENDS = [*(["kernel"] if sys.platform.startswith("linux") else []), "userspace"]
#: The backends, and Python's own functions in os if it has them.
IMPLEMENTATIONS = [*BACKENDS, *(["os"] if hasattr(os, "timerfd_create") else [])]


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request):
    return request.param


@pytest.fixture(params=BACKENDS)
def backend(request):
    """The name of a backend, which creates the timers during the test."""
    portable_timerfd.set_backend(request.param)
    yield request.param
    portable_timerfd.set_backend(None)


@pytest.fixture
def module(implementation):
    """The module of an implementation, which creates the timers during the test."""
    if implementation == "os":
        yield os
    else:
        portable_timerfd.set_backend(implementation)
        yield portable_timerfd
        portable_timerfd.set_backend(None)


@pytest.fixture
def timerfd(module):
    """The functions of an implementation. Timers that the test creates are closed after it."""
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
    """Returns the result of a raw read."""
    return int.from_bytes(os.read(fd, 8), sys.byteorder)
