"""The timerfd functions of Python 3.13, on every Unix and on older Pythons.

A timer is a file descriptor. The five functions and four constants have the same names, arguments,
results and errors as in os:

    fd = timerfd_create(time.CLOCK_MONOTONIC)
    timerfd_settime(fd, initial=1, interval=0.5)
    count = int.from_bytes(os.read(fd, 8), sys.byteorder)

install() adds them to os. Timer is an object for programs that do not need a raw descriptor.
every() and sleep_until() are for asyncio and trio. TimerSet has many deadlines behind one
descriptor. SimulatedClock is for tests of code that uses timers.

On Linux and Android, the timers are the kernel's if it has them. Otherwise, the descriptor is the
read end of a pipe, and a thread of the library writes to the pipe.
"""

from ._errors import ClockChanged
from ._expirations import Expirations, every, sleep_until
from ._install import install
from ._simulated import SimulatedClock, SimulatedTimer
from ._timer import Timer
from ._timer_set import Expired, TimerSet
from ._timerfd import (
    TFD_CLOEXEC,
    TFD_NONBLOCK,
    TFD_TIMER_ABSTIME,
    TFD_TIMER_CANCEL_ON_SET,
    Key,
    get_backend,
    set_backend,
    timerfd_create,
    timerfd_gettime,
    timerfd_gettime_ns,
    timerfd_settime,
    timerfd_settime_ns,
)
from ._timerfd import __version__ as __version__
from ._types import Backend, Delay, MissedTicks, Seconds, Time

__all__ = [
    "TFD_CLOEXEC",
    "TFD_NONBLOCK",
    "TFD_TIMER_ABSTIME",
    "TFD_TIMER_CANCEL_ON_SET",
    "Backend",
    "ClockChanged",
    "Delay",
    "Expirations",
    "Expired",
    "Key",
    "MissedTicks",
    "Seconds",
    "SimulatedClock",
    "SimulatedTimer",
    "Time",
    "Timer",
    "TimerSet",
    "every",
    "get_backend",
    "install",
    "set_backend",
    "sleep_until",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_gettime_ns",
    "timerfd_settime",
    "timerfd_settime_ns",
]

# Makes the public names members of this package: the private modules are an implementation detail.
for _name in __all__:
    if not _name.startswith("TFD") and _name not in ("Backend", "Delay", "MissedTicks", "Seconds", "Time"):
        globals()[_name].__module__ = __name__
del _name
