"""Expirations of timers for asyncio and trio."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import TYPE_CHECKING, SupportsIndex, TypeVar

from ._closing import NotCopied
from ._timer import Timer
from ._timerfd import TFD_NONBLOCK
from ._waiting import Waiting, waiting

if TYPE_CHECKING:
    from datetime import datetime

    from ._types import Backend, Delay, MissedTicks

Self = TypeVar("Self", bound="Expirations")


def every(
    interval: Delay,
    *,
    initial: Delay | None = None,
    clockid: SupportsIndex = time.CLOCK_MONOTONIC,
    missed_ticks: MissedTicks = "count",
    backend: Backend | None = None,
) -> Expirations:
    """Returns an asynchronous iterator over the expirations of a new timer, for asyncio and trio.

    The first period starts at the call, not at the first await.

        async for expirations in every(0.5):
            print(expirations)

    Each item is the number of expirations since the previous item, or since the call. It is 1, or
    more if the timer expired while no task was waiting. No expiration is lost or early. The
    expirations keep their phase, however long the body of the loop takes. missed_ticks chooses
    another policy: see Expirations.

    interval and initial are those of Timer.every(), with the same errors. clockid and backend are
    those of Timer. For other settings, for example absolute times, or for a timer of a
    SimulatedClock, set a Timer and pass it to Expirations. Waiting raises the errors of
    Timer.read().
    """
    timer = Timer(clockid, flags=TFD_NONBLOCK, backend=backend)
    try:
        timer.every(interval, initial=initial)
        return Expirations(timer, missed_ticks=missed_ticks)
    except BaseException:
        timer.close()
        raise


async def sleep_until(when: datetime, *, backend: Backend | None = None) -> None:
    """Waits until the wall clock reaches a time, in asyncio or trio.

    when is an aware datetime, as for Timer.at(), with the same errors. If the wall clock is set
    meanwhile, the wait follows it, and the call does not report the change. If the time has passed,
    the call still lets other tasks run.

    A SimulatedClock has no effect on it. To test code that waits for a time, let it set a timer and
    wait for that: see Expirations.
    """
    timer = Timer(time.CLOCK_REALTIME, flags=TFD_NONBLOCK, backend=backend)
    async with Expirations(timer) as expirations:
        timer.at(when)
        await expirations.__anext__()


class Expirations(NotCopied):
    """An asynchronous iterator over the expirations of a timer. every() returns one.

    Expirations(timer) creates one for an existing Timer, which must have TFD_NONBLOCK (otherwise
    ValueError). The iterator owns that timer from then on: it closes the timer, and only the
    iterator reads it. You may still set the timer.

    If the timer was set with cancel_on_set, awaiting the next item raises ClockChanged after a
    change of the wall clock. Expirations that were not read are lost, and the timer may be
    disarmed: set it again, then await the next item.

    missed_ticks is the policy for expirations that were missed between two waits. It does not
    change the timer's schedule.

    - "count" reports the full count: the number of expirations since the last report.
    - "coalesce" reports the missed expirations at once, as one. The count is always 1.
    - "skip" reports no missed expirations. The next report is the next scheduled expiration. The
      count is always 1, and a report is always less than one interval late. If the interval is
      shorter than the time that a report takes, expirations are reported rarely or never.

    Only one task at a time may wait for the next item; a second one gets RuntimeError. aclose(),
    the end of the async with block, or the garbage collection of the iterator closes the timer. So
    after you leave a loop, you need not close anything.
    """

    def __init__(self, timer: Timer, *, missed_ticks: MissedTicks = "count") -> None:
        if missed_ticks not in ("count", "coalesce", "skip"):
            raise ValueError(f"missed_ticks is neither 'count' nor 'coalesce' nor 'skip': {missed_ticks!r}")
        if not isinstance(timer, Timer):
            raise TypeError(f"timer must be a Timer, not {type(timer).__name__}")
        if os.get_blocking(timer.fileno()):
            raise ValueError("the timer must have TFD_NONBLOCK")
        # The collector may finalize the timer first, if both are in a reference cycle.
        timer._is_owned = True
        self._timer = timer
        self._missed_ticks = missed_ticks
        self._waiting: Waiting | None = None

    def __aiter__(self: Self) -> Self:
        return self

    async def __anext__(self) -> int:
        if self._waiting is not None and not self._waiting.is_abandoned:
            raise RuntimeError("another task is waiting for these expirations")
        while not self._timer.closed:
            # Waits even if there is something to read already, so that other tasks can run.
            await self._until_readable()
            if self._timer.closed:
                break
            try:
                count = self._timer.read()
            except BlockingIOError:
                continue
            if self._missed_ticks == "count":
                return count
            if self._missed_ticks == "coalesce" or count == 1:
                return 1
        raise StopAsyncIteration

    async def _until_readable(self) -> None:
        """Waits until there is something to read, or the timer is closed."""
        self._waiting = waiting(self._timer.fileno())
        try:
            await self._waiting.wait()
        finally:
            self._ignore()

    def _ignore(self) -> Waiting | None:
        """Stops watching the descriptor. Returns the wait of the waiting task, if there is one.

        Must be called before the timer is closed, because another file may then have the number.
        """
        stopped, self._waiting = self._waiting, None
        if stopped is not None and not self._timer.closed:
            stopped.stop()
        return stopped

    async def aclose(self) -> None:
        """Closes the timer and ends the wait of another task, which must be in the same loop."""
        stopped = None
        try:
            stopped = self._ignore()
        finally:
            self._timer.close()
        if stopped is not None:
            stopped.end()

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # There is no timer if __init__ has failed.
        timer: Timer | None = getattr(self, "_timer", None)
        if timer is not None:
            timer.close()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} of {self._timer!r}>"
