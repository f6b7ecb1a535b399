"""Timers that are file descriptors: Linux's timerfd, as Python 3.13 has it in os, on every Unix and on older Pythons.

The five functions and four constants have the names, arguments, results and errors of os:

    fd = timerfd_create(time.CLOCK_MONOTONIC)
    timerfd_settime(fd, initial=1, interval=0.5)
    count = int.from_bytes(os.read(fd, 8), sys.byteorder)

install() puts them into os. Timer is for those who want no descriptors, every() for asyncio.

Where the kernel has no timers like these, a thread of the library feeds a pipe for each, whose reading end is the descriptor.
"""

from ._expirations import Expirations, every
from ._install import install
from ._timer import Timer
from ._timerfd import (
    TFD_CLOEXEC,
    TFD_NONBLOCK,
    TFD_TIMER_ABSTIME,
    TFD_TIMER_CANCEL_ON_SET,
    get_backend,
    set_backend,
    timerfd_create,
    timerfd_gettime,
    timerfd_gettime_ns,
    timerfd_settime,
    timerfd_settime_ns,
)
from ._timerfd import __version__ as __version__

__all__ = [
    "TFD_CLOEXEC",
    "TFD_NONBLOCK",
    "TFD_TIMER_ABSTIME",
    "TFD_TIMER_CANCEL_ON_SET",
    "Expirations",
    "Timer",
    "every",
    "get_backend",
    "install",
    "set_backend",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_gettime_ns",
    "timerfd_settime",
    "timerfd_settime_ns",
]

# As what they are known: where they stand is nobody's business.
for _name in __all__:
    if not _name.startswith("TFD"):
        globals()[_name].__module__ = __name__
del _name
