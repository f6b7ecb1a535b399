"""Expirations of timers for asyncio."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import TYPE_CHECKING, SupportsIndex, TypeVar

from ._timer import Timer
from ._timerfd import TFD_NONBLOCK

if TYPE_CHECKING:
    import asyncio

    from ._timerfd import _Backend

Self = TypeVar("Self", bound="Expirations")


def every(
    interval: float,
    *,
    initial: float | None = None,
    clockid: SupportsIndex = time.CLOCK_MONOTONIC,
    backend: _Backend | None = None,
) -> Expirations:
    """Returns an asynchronous iterator over the expirations of a new timer.

    The timer expires every interval seconds, from the call on.

        async for expirations in every(0.5):
            print(expirations)

    Each item is the number of expirations since the previous item, or since the call. It is 1, or
    more if the timer expired while no task was waiting. No expiration is lost or early. The
    expirations keep their phase, however long the body of the loop takes.

    initial is the delay of the first expiration, in seconds. 0 means at once (settime() would
    disarm the timer), and None means after one interval. clockid and backend are those of Timer.
    For other settings, for example absolute times, set a Timer and pass it to Expirations.

    Raises ValueError if interval is not greater than 0, or if initial is less than 0. Also raises
    the errors of Timer and its settime(). Waiting raises the errors of Timer.read().
    """
    if not interval > 0:
        raise ValueError("interval must be more than 0")
    if initial is not None and not initial >= 0:
        raise ValueError("initial must not be less than 0")
    timer = Timer(clockid, flags=TFD_NONBLOCK, backend=backend)
    try:
        # Zero would disarm the timer.
        timer.settime(interval if initial is None else initial or 1e-9, interval)
    except BaseException:
        timer.close()
        raise
    return Expirations(timer)


class Expirations:
    """An asynchronous iterator over the expirations of a timer. every() returns one.

    Expirations(timer) creates one for an existing Timer, which must have TFD_NONBLOCK (otherwise
    ValueError). The iterator owns that timer from then on.

    Only one task at a time may wait for the next item; a second one gets RuntimeError. aclose(),
    the end of the async with block, or the garbage collection of the iterator closes the timer. So
    after you leave a loop, you need not close anything.
    """

    def __init__(self, timer: Timer) -> None:
        if os.get_blocking(timer.fileno()):
            raise ValueError("the timer must have TFD_NONBLOCK")
        self._timer = timer
        self._readable: asyncio.Future[None] | None = None

    def __aiter__(self: Self) -> Self:
        return self

    async def __anext__(self) -> int:
        if self._readable is not None and not self._readable.get_loop().is_closed():
            raise RuntimeError("another task is waiting for these expirations")
        while not self._timer.closed:
            # Waits even if there is something to read already, so that other tasks can run.
            await self._until_readable()
            if self._timer.closed:
                break
            try:
                return self._timer.read()
            except BlockingIOError:
                continue
        raise StopAsyncIteration

    async def _until_readable(self) -> None:
        """Waits until there is something to read, or the timer is closed."""
        # Imported here because the import is slow and most programs use only descriptors.
        import asyncio

        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._timer.fileno(), _wake, readable)
        self._readable = readable
        try:
            await readable
        finally:
            self._ignore()

    def _ignore(self) -> asyncio.Future[None] | None:
        """Stops watching the descriptor. Returns the future of the waiting task, if there is one.

        Must be called before the timer is closed, because another file may then have the number.
        """
        readable, self._readable = self._readable, None
        if readable is not None and not self._timer.closed and not readable.get_loop().is_closed():
            readable.get_loop().remove_reader(self._timer.fileno())
        return readable

    async def aclose(self) -> None:
        """Closes the timer and ends the wait of another task, which must be in the same loop."""
        try:
            readable = self._ignore()
        finally:
            self._timer.close()
        if readable is not None and not readable.get_loop().is_closed():
            readable.get_loop().call_soon_threadsafe(_wake, readable)

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

    def __getstate__(self) -> None:
        # Both copies would close the same timer.
        raise TypeError(f"cannot copy or pickle {type(self).__qualname__!r} object")

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} of {self._timer!r}>"


def _wake(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
