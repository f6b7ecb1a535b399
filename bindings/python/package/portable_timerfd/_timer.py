"""The Timer class."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, SupportsIndex

from . import _timerfd
from ._closing import Closing
from ._errors import as_clock_change
from ._times import not_before, of_clock, of_datetime, of_delay, of_interval

if TYPE_CHECKING:
    from datetime import datetime

    from ._types import Backend, Delay, Seconds

#: The longest wait of poll(), which takes a C int, in milliseconds.
LONGEST_POLL = 2**31 - 1


class Timer(Closing):
    """A timer object.

    Set it with after(), every() or at(). Wait for it with read(), or pass it to select, selectors
    or asyncio: it has a fileno() method.

        with Timer() as timer:
            timer.every(0.5)
            print(timer.read())

    clockid and flags are those of timerfd_create(), whose errors Timer() raises. backend is
    "kernel", "userspace", or None for the backend that set_backend() or PORTABLE_TIMERFD_BACKEND
    has chosen. Another name raises ValueError.

    Delays and intervals are seconds, as a number or a timedelta. They are rounded up to a whole
    number of nanoseconds, so no expiration is early. A float below 2**53 nanoseconds (104 days) is
    multiplied by 10**9 as a float first: 0.1 is exactly 100,000,000 ns. A timedelta and a datetime
    are exact. Errors are ValueError for a negative delay, for an interval of 0 and for NaN,
    OverflowError for 2**63 nanoseconds (about 292 years) or more, and TypeError for another type.

    The timer is open until close(), or until the end of the with block. Threads may share it, but a
    thread should not close it while another thread uses it.
    """

    _fd = -1
    _clockid = -1

    def __init__(
        self,
        clockid: SupportsIndex = time.CLOCK_MONOTONIC,
        *,
        flags: SupportsIndex = 0,
        backend: Backend | None = None,
    ) -> None:
        number = of_clock(clockid)
        try:
            fd = _timerfd.create(backend, number, flags)
        except OSError as error:
            if error.strerror != os.strerror(error.errno or 0):
                raise  # the message names the cause already
            # The kernel does not say which argument is invalid.
            raise OSError(error.errno, f"{error.strerror}: Timer({clockid!r}, flags={flags!r})") from None
        self.close()
        self._fd, self._clockid = fd, number

    def after(self, delay: Delay) -> None:
        """Sets the timer to expire once, after the delay. 0 means at once.

        Like every method that sets the timer, it discards unread expirations, and raises ValueError
        if the timer is closed.
        """
        self._set(of_delay("delay", delay))

    def every(self, interval: Delay, *, initial: Delay | None = None) -> None:
        """Sets the timer to expire after each interval.

        initial is the delay of the first expiration. 0 means at once, and None means after one
        interval.
        """
        every = of_interval("interval", interval)
        self._set(every if initial is None else of_delay("initial", initial), every)

    def at(self, when: datetime, *, interval: Delay | None = None, cancel_on_set: bool = False) -> None:
        """Sets the timer to expire when the wall clock reaches a time.

        when is an aware datetime. A time in the past means at once. With an interval, the timer
        also expires after each interval from then on. If when is in the past, the first count is
        that of all periods since then, but not of those before 1970.

        If the wall clock is set, the timer follows it. With cancel_on_set, the descriptor also
        becomes readable at such a change, and read() raises ClockChanged. at() itself raises
        ClockChanged if the previous setting had cancel_on_set and read() has not reported a change.
        The timer is set nevertheless.

        Raises ValueError if when is naive, or if the timer is not one of time.CLOCK_REALTIME.
        """
        first = of_datetime("when", when)
        every = 0 if interval is None else of_interval("interval", interval)
        if self._clockid not in (time.CLOCK_REALTIME, -1):
            raise ValueError("at() needs a timer of the wall clock: Timer(time.CLOCK_REALTIME)")
        cancel = _timerfd.TFD_TIMER_CANCEL_ON_SET if cancel_on_set else 0
        self._set(not_before(1, first, every), every, _timerfd.TFD_TIMER_ABSTIME | cancel)

    def cancel(self) -> None:
        """Disarms the timer and discards unread expirations. The timer can be set again."""
        self.settime_ns()

    def _set(self, initial: int, interval: int = 0, flags: int = 0) -> None:
        # Zero would disarm the timer, and the kernel refuses negative times.
        self.settime_ns(max(initial, 1), interval, flags=flags)

    def settime(
        self, initial: Seconds = 0.0, interval: Seconds = 0.0, *, flags: SupportsIndex = 0
    ) -> tuple[float, float]:
        """Sets the first expiration and the interval, in seconds. An initial of 0 disarms the timer.

        Returns the old setting: the remaining time until the next expiration, and the interval.
        Raises the errors of timerfd_settime(), with ClockChanged for ECANCELED, and ValueError if
        the timer is closed. Fractions of a nanosecond are truncated, as by timerfd_settime().
        """
        fd = self.fileno()
        try:
            return _timerfd.timerfd_settime(fd, flags=flags, initial=initial, interval=interval)
        except OSError as error:
            raise as_clock_change(error) from None

    def settime_ns(
        self, initial: SupportsIndex = 0, interval: SupportsIndex = 0, *, flags: SupportsIndex = 0
    ) -> tuple[int, int]:
        """Like settime(), in nanoseconds."""
        fd = self.fileno()
        try:
            return _timerfd.timerfd_settime_ns(fd, flags=flags, initial=initial, interval=interval)
        except OSError as error:
            raise as_clock_change(error) from None

    def gettime(self) -> tuple[float, float]:
        """Returns the time until the next expiration, and the interval, in seconds.

        The time is 0.0 if the timer is disarmed, or has expired and is not periodic. Raises
        ValueError if the timer is closed.
        """
        return _timerfd.timerfd_gettime(self.fileno())

    def gettime_ns(self) -> tuple[int, int]:
        """Like gettime(), in nanoseconds."""
        return _timerfd.timerfd_gettime_ns(self.fileno())

    def read(self, timeout: Delay | None = None) -> int:
        """Returns the number of expirations since the last read or setting. Waits if there is none.

        With a timeout, read() waits that long, even if the timer has TFD_NONBLOCK, then raises
        TimeoutError, as a socket does. 0 means that it does not wait. Without a timeout, it waits
        without limit, or raises BlockingIOError instead of waiting if the timer has TFD_NONBLOCK.

        Raises ClockChanged after a change of the wall clock if the timer was set with cancel_on_set
        or TFD_TIMER_CANCEL_ON_SET, on each backend. (os.read() of the descriptor reports the change
        on the kernel backend only.) Raises EOFError if the process that created the timer has ended
        (userspace backend, after a fork). Raises ValueError if the timer is closed.
        """
        deadline = None if timeout is None else time.monotonic_ns() + of_delay("timeout", timeout)
        while True:
            count = self._try_read(waits_always=deadline is not None)
            if count is not None:
                return count
            self._wait(deadline)

    def _try_read(self, waits_always: bool) -> int | None:
        """Returns None if read() must wait: in blocking mode, or if it always waits."""
        try:
            return _timerfd.try_read(self.fileno())
        except BlockingIOError:
            if waits_always:
                return None
            raise
        except OSError as error:
            raise as_clock_change(error) from None

    def _wait(self, deadline: int | None) -> None:
        """Waits until the descriptor is readable, or until this time of time.monotonic_ns()."""
        # Imported here because many programs only use descriptors.
        import select

        milliseconds = None
        if deadline is not None:
            left = deadline - time.monotonic_ns()
            if left <= 0:
                raise TimeoutError("timed out")
            milliseconds = min(-(-left // 10**6), LONGEST_POLL)
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        poll.poll(milliseconds)

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

    def __repr__(self) -> str:
        state = "closed" if self._fd < 0 else f"fd={self._fd}"
        return f"<{type(self).__module__}.{type(self).__qualname__} {state}>"
