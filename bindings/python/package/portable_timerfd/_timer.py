"""The Timer class."""

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

#: The types of times in seconds that the functions accept.
Seconds = Union[SupportsFloat, SupportsIndex]
Self = TypeVar("Self", bound="Timer")


class Timer:
    """A timer object.

    Wait for it with read(), or pass it to select, selectors or asyncio: it has a fileno() method.

        with Timer() as timer:
            timer.settime(initial=1, interval=0.5)
            print(timer.read())

    clockid and flags are those of timerfd_create(), whose errors Timer() raises. backend is
    "kernel", "userspace", or None for the backend that set_backend() or PORTABLE_TIMERFD_BACKEND
    has chosen. Another name raises ValueError.

    The timer is open until close(), or until the end of the with block. Threads may share it, but a
    thread should not close it while another thread uses it.
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
        """Sets the first expiration and the interval, in seconds. An initial of 0 disarms the timer.

        Returns the old setting: the remaining time until the next expiration, and the interval.
        Raises the errors of timerfd_settime(), and ValueError if the timer is closed.
        """
        return _timerfd.timerfd_settime(self.fileno(), flags=flags, initial=initial, interval=interval)

    def settime_ns(
        self, initial: SupportsIndex = 0, interval: SupportsIndex = 0, *, flags: SupportsIndex = 0
    ) -> tuple[int, int]:
        """Like settime(), in nanoseconds."""
        return _timerfd.timerfd_settime_ns(self.fileno(), flags=flags, initial=initial, interval=interval)

    def gettime(self) -> tuple[float, float]:
        """Returns the time until the next expiration, and the interval, in seconds.

        The time is 0.0 if the timer is disarmed, or has expired and is not periodic. Raises
        ValueError if the timer is closed.
        """
        return _timerfd.timerfd_gettime(self.fileno())

    def gettime_ns(self) -> tuple[int, int]:
        """Like gettime(), in nanoseconds."""
        return _timerfd.timerfd_gettime_ns(self.fileno())

    def read(self) -> int:
        """Returns the number of expirations since the last read or setting. Waits if there is none.

        Raises BlockingIOError instead of waiting if the timer has TFD_NONBLOCK. Raises OSError with
        ECANCELED after a clock step under TFD_TIMER_CANCEL_ON_SET (kernel backend; on the userspace
        backend, the next setting with that flag raises it). Raises EOFError if the process that
        created the timer has ended (userspace backend, after a fork). Raises ValueError if the
        timer is closed.
        """
        count = os.read(self.fileno(), 8)
        if not count:
            raise EOFError("the process that made the timer is gone")
        return int.from_bytes(count, sys.byteorder)

    def fileno(self) -> int:
        """Returns the descriptor, which the timer still owns. Raises ValueError if it is closed."""
        if self._fd < 0:
            raise ValueError("I/O operation on closed timer")
        return self._fd

    @property
    def closed(self) -> bool:
        """Whether the timer is closed."""
        return self._fd < 0

    def close(self) -> None:
        """Closes the timer. Does nothing if it is already closed."""
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
            # A warning filter may turn the warning into an error.
            try:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                self.close()

    def __getstate__(self) -> None:
        # Both copies would close the same descriptor.
        raise TypeError(f"cannot copy or pickle {type(self).__qualname__!r} object")

    def __repr__(self) -> str:
        state = "closed" if self._fd < 0 else f"fd={self._fd}"
        return f"<{type(self).__module__}.{type(self).__qualname__} {state}>"
