"""A simulated clock, for tests that do not wait."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, SupportsIndex

from . import _timerfd
from ._errors import as_clock_change, check_process
from ._timer import Timer
from ._timer_set import TimerSet
from ._times import LIMIT, of_clock, of_delay, of_time

if TYPE_CHECKING:
    from ._types import Delay, Time


class SimulatedClock:
    """A clock that advances only when a test says so. Its timers have real descriptors.

        clock = SimulatedClock()
        with clock.timer() as timer:
            timer.settime(3600)
            clock.advance(3600)
            assert timer.read() == 1

    Code under test takes its timer, or a function that creates timers, as an argument: Timer in the
    program, clock.timer in its test. It takes the time from a function too: time.monotonic in the
    program, clock.monotonic in its test.

    When a method that advances the clock returns, the descriptor of every timer that is due is
    readable: in select, in selectors, and in asyncio's add_reader.

    With auto_advance, a read() that would wait advances the clock to the next expiration instead.
    Tests of code that waits then need no second thread. It is for code that runs in one thread. It
    has no effect on an event loop, and none on a timer with TFD_NONBLOCK, whose read() without a
    timeout never waits. Advance the clock by hand there. The environment and set_backend() have no
    effect on simulated timers.

    A new clock shows 1,000 s on CLOCK_MONOTONIC, 2,000 s on CLOCK_BOOTTIME, and 9 September 2001,
    01:46:40 UTC on CLOCK_REALTIME. Clocks are independent of each other. Durations are seconds or a
    timedelta. The functions of the modules time and asyncio still use real time. In a forked child,
    the methods of a clock of the parent, and of its timers and sets, raise RuntimeError.
    """

    def __init__(self, *, auto_advance: bool = False) -> None:
        #: Whether a read() that would wait advances the clock instead.
        self.auto_advance = auto_advance
        self._own_machine = _timerfd.Machine()
        self._process = os.getpid()
        self._latency = 0

    @property
    def _machine(self) -> _timerfd.Machine:
        check_process(self._process)
        return self._own_machine

    def timer(self, clockid: SupportsIndex = time.CLOCK_MONOTONIC, *, flags: SupportsIndex = 0) -> SimulatedTimer:
        """Creates a timer on this clock. The arguments and errors are those of Timer()."""
        return SimulatedTimer(self, clockid, flags=flags)

    def timer_set(self, clockid: SupportsIndex = time.CLOCK_MONOTONIC) -> TimerSet[Any]:
        """Creates a TimerSet on this clock.

        A set arms its timer for the next deadline when a drain ends. So end the drain before you
        call advance_to_next(). To give the values a type, annotate the variable:

            timers: TimerSet[str] = clock.timer_set()
        """
        number = of_clock(clockid)
        timers: TimerSet[Any] = TimerSet.__new__(TimerSet)
        timers._begin(self._machine.entries(number), number)
        timers._process = self._process
        return timers

    def clock_gettime_ns(self, clockid: SupportsIndex) -> int:
        """Returns the simulated time of a clock in nanoseconds, like time.clock_gettime_ns()."""
        return self._machine.now(clockid)

    def clock_gettime(self, clockid: SupportsIndex) -> float:
        """Returns the simulated time of a clock in seconds, like time.clock_gettime()."""
        return self.clock_gettime_ns(clockid) / 1e9

    def monotonic(self) -> float:
        """Returns the simulated time of CLOCK_MONOTONIC in seconds, like time.monotonic()."""
        return self.clock_gettime(time.CLOCK_MONOTONIC)

    def time(self) -> float:
        """Returns the simulated time of CLOCK_REALTIME in seconds, like time.time()."""
        return self.clock_gettime(time.CLOCK_REALTIME)

    def advance(self, duration: Delay) -> None:
        """Advances all clocks at once.

        Raises OverflowError, and does nothing, if a clock would reach 2**63 nanoseconds.
        """
        self._machine.advance(self._checked(duration))

    def _checked(self, duration: Delay) -> int:
        nanoseconds = of_delay("duration", duration)
        latest = max(self.clock_gettime_ns(time.CLOCK_REALTIME), self.clock_gettime_ns(time.CLOCK_MONOTONIC))
        if latest + nanoseconds >= LIMIT:
            raise OverflowError(f"a clock cannot show 2**63 nanoseconds or more: {duration!r} is too long")
        return nanoseconds

    def advance_to_next(self) -> float | None:
        """Advances all clocks to the next expiration of any timer, and by the latency.

        Returns by how many seconds. Returns None, and does nothing, if no timer will ever expire. A
        timer that was set to the current time or the past has already expired. So a test that
        handles all expirations is a loop:

            while clock.has_unread() or clock.advance_to_next() is not None:
                handle_what_is_readable()  # in asyncio: await asyncio.sleep(0)

        The body must read every timer that is readable. The loop does not end if a timer is
        periodic.

        Also stops where an entry of a TimerSet was due before it was re-armed or removed, because
        these calls do not set the timer of the set. drain() then returns nothing. So this is true
        of next_expiration(), and advance_through() calls at_each there.
        """
        return _seconds(self._machine.advance_to_next())

    def advance_through(self, duration: Delay, at_each: Callable[[], object]) -> None:
        """Advances all clocks, and calls at_each at the time of each expiration on the way.

        at_each is called without arguments. It can read the timers and set them again. It is not
        called for timers that have already expired. With a latency, each call is later by the
        latency, but not later than the end.
        """
        left = self._checked(duration)
        while True:
            next_ = self._machine.next_expiration()
            if not next_ or next_ > left:
                break
            step = min(next_ + self._latency, left)
            self._machine.advance(step)
            left -= step
            at_each()
        self._machine.advance(left)

    def set_latency(self, latency: Delay) -> None:
        """Sets how late expirations are handled. The default is 0.

        On a real machine no expiration is handled on time. With a latency, advance_to_next() and
        advance_through() advance beyond each expiration, so a test finds code that relies on being
        on time.
        """
        self._latency = of_delay("latency", latency)
        self._machine.set_latency(self._latency)

    def next_expiration(self) -> float | None:
        """Returns the seconds until the next expiration of any timer, or None if there is none.

        An old deadline of a TimerSet counts, as for advance_to_next().
        """
        return _seconds(self._machine.next_expiration())

    def set_realtime(self, when: Time) -> None:
        """Sets the wall clock, to seconds since 1970 or to an aware datetime.

        Absolute settings on CLOCK_REALTIME follow the change. Timers with TFD_TIMER_CANCEL_ON_SET
        become readable, and read() raises ClockChanged. Raises ValueError for a time before 1970.
        """
        nanoseconds = of_time("when", when, time.CLOCK_REALTIME)
        if nanoseconds < 0:
            raise ValueError(f"when must not be before 1970: {when!r}")
        self._machine.set_realtime(nanoseconds)

    def suspend(self, duration: Delay) -> float:
        """Suspends the simulated machine, and returns for how many seconds.

        CLOCK_BOOTTIME and CLOCK_REALTIME advance, CLOCK_MONOTONIC does not. A suspend is a change
        of the wall clock. The first expiration of a timer on an alarm clock ends it early.
        """
        return self._machine.suspend(self._checked(duration)) / 1e9

    def has_unread(self) -> bool:
        """Returns whether any timer on this clock is readable."""
        return self._machine.has_unread()

    def waiting(self) -> int:
        """Returns the number of threads that wait in read() of a timer that is not readable."""
        return self._machine.waiting()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} monotonic={self.monotonic()} time={self.time()}>"


class SimulatedTimer(Timer):
    """A timer on a SimulatedClock, whose timer() method creates it.

    It has the methods of Timer. The timerfd functions of this module accept its descriptor. After a
    change of the wall clock, an os.read() of the descriptor returns a count, as on the userspace
    backend.
    """

    def __init__(
        self, clock: SimulatedClock, clockid: SupportsIndex = time.CLOCK_MONOTONIC, *, flags: SupportsIndex = 0
    ) -> None:
        number = of_clock(clockid)
        fd, identity = clock._machine.create(number, flags)
        self.close()
        self._clock, self._fd, self._clockid, self._identity = clock, fd, number, identity

    def fileno(self) -> int:
        """Returns the descriptor, which the timer still owns. Raises ValueError if it is closed."""
        fd = super().fileno()
        check_process(self._clock._process)
        return fd

    def read(self, timeout: Delay | None = None) -> int:
        """Returns the number of expirations since the last read or setting. Waits if there is none.

        Another thread must advance the clock meanwhile, except with auto_advance. Raises
        TimeoutError after timeout, which is simulated time with auto_advance, otherwise real time.
        With auto_advance, raises RuntimeError if no timer on the clock will ever expire. If the
        timer has TFD_NONBLOCK and there is no timeout, never waits and never advances the clock:
        raises BlockingIOError instead.
        """
        fd = self.fileno()
        limit = None if timeout is None else of_delay("timeout", timeout)
        waits = os.get_blocking(fd) if timeout is None else True
        if not waits or not self._clock.auto_advance:
            return self._read(fd, waits, limit)
        return self._read_and_advance(fd, limit)

    def _read(self, fd: int, waits: bool, limit: int | None = None) -> int:
        try:
            return self._clock._machine.read(fd, waits, limit)
        except OSError as error:
            raise as_clock_change(error) from None

    def _read_and_advance(self, fd: int, limit: int | None) -> int:
        machine = self._clock._machine
        while True:
            try:
                return self._read(fd, False)
            except BlockingIOError:
                next_ = machine.next_expiration()
            if limit is not None and (next_ is None or next_ > limit):
                machine.advance(limit)
                return self._read(fd, True, 0)  # raises TimeoutError
            if next_ is None:
                raise RuntimeError("read() would wait forever: no timer on the simulated clock will expire")
            step = next_ + self._clock._latency
            if limit is not None:
                step = min(step, limit)
                limit -= step
            machine.advance(step)

    def close(self) -> None:
        """Closes the timer. Does nothing if it is already closed."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            _timerfd.Machine.close(self._identity)


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
