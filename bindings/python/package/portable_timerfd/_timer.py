"""A timer as an object."""

from __future__ import annotations

import os
import sys
import time
import warnings
from types import TracebackType
from typing import TYPE_CHECKING, SupportsFloat, SupportsIndex, TypeVar, Union

from . import _timerfd

if TYPE_CHECKING:
    from ._timerfd import _Backend

#: As the functions take them.
Seconds = Union[SupportsFloat, SupportsIndex]
Self = TypeVar("Self", bound="Timer")


class Timer:
    """A timer that can be waited for: with select, selectors or asyncio, as it has a fileno(), or by reading.

        with Timer() as timer:
            timer.settime(initial=1, interval=0.5)
            print(timer.read())

    clockid and flags are those of timerfd_create(), whose errors it raises. backend is "kernel", "userspace", or None for the one that
    set_backend() or PORTABLE_TIMERFD_BACKEND says; ValueError for another name.

    It is open until close(), or the end of the with block. Threads may share it, but none should close it while another uses it.
    """

    _fd = -1

    def __init__(
        self,
        clockid: SupportsIndex = time.CLOCK_MONOTONIC,
        *,
        flags: SupportsIndex = 0,
        backend: _Backend | None = None,
    ) -> None:
        fd = _timerfd.create(backend, clockid, flags)
        self.close()
        self._fd = fd

    def settime(
        self, initial: Seconds = 0.0, interval: Seconds = 0.0, *, flags: SupportsIndex = 0
    ) -> tuple[float, float]:
        """Sets it, in seconds: when it expires first, and after how long again and again. An initial of 0 disarms it.

        Returns what was left of the old setting: the time until it would have expired, and its interval. Raises what timerfd_settime()
        does, and ValueError if it is closed.
        """
        return _timerfd.timerfd_settime(self.fileno(), flags=flags, initial=initial, interval=interval)

    def settime_ns(
        self, initial: SupportsIndex = 0, interval: SupportsIndex = 0, *, flags: SupportsIndex = 0
    ) -> tuple[int, int]:
        """As settime(), in nanoseconds."""
        return _timerfd.timerfd_settime_ns(self.fileno(), flags=flags, initial=initial, interval=interval)

    def gettime(self) -> tuple[float, float]:
        """Returns the time until it expires next, 0.0 if it is disarmed or has expired for good, and its interval, in seconds.

        Raises ValueError if it is closed.
        """
        return _timerfd.timerfd_gettime(self.fileno())

    def gettime_ns(self) -> tuple[int, int]:
        """As gettime(), in nanoseconds."""
        return _timerfd.timerfd_gettime_ns(self.fileno())

    def read(self) -> int:
        """Returns the number of expirations since the last read or setting, waiting for one if there is none.

        Raises BlockingIOError instead of waiting if it was made with TFD_NONBLOCK; OSError with ECANCELED if the clock stepped under
        TFD_TIMER_CANCEL_ON_SET (the kernel's; on the userspace backend the next setting with that flag does); EOFError if it was made by a
        process that is gone (the userspace backend's, after a fork); ValueError if it is closed.
        """
        count = os.read(self.fileno(), 8)
        if not count:
            raise EOFError("the process that made the timer is gone")
        return int.from_bytes(count, sys.byteorder)

    def fileno(self) -> int:
        """Returns the descriptor, which stays the timer's. Raises ValueError if it is closed."""
        if self._fd < 0:
            raise ValueError("I/O operation on closed timer")
        return self._fd

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._fd < 0

    def close(self) -> None:
        """Ends it. A second time, nothing is done."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self: Self) -> Self:
        self.fileno()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._fd >= 0:
            # A warning may be an error.
            try:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                self.close()

    def __getstate__(self) -> None:
        # Two would close one descriptor.
        raise TypeError(f"cannot copy or pickle {type(self).__qualname__!r} object")

    def __repr__(self) -> str:
        state = "closed" if self._fd < 0 else f"fd={self._fd}"
        return f"<{type(self).__module__}.{type(self).__qualname__} {state}>"
