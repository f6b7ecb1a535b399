"""Expirations as asyncio has them."""

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
    """Returns an asynchronous iterator over the expirations of a timer that expires each interval seconds, from now on.

        async for expirations in every(0.5):
            print(expirations)

    An item is the number of expirations since the one before, or since the call: 1, or more if they came while nobody was waiting. None is
    lost, and none comes early; however long the loop's body takes, they stay in step with the first.

    initial is when the first comes, in seconds: 0 for at once (where settime() would disarm the timer), None for after an interval. clockid and
    backend are those of Timer. For other times, absolute ones for example, set a Timer, and take Expirations of it.

    Raises ValueError if interval is not more than 0 or initial is less, else what Timer and its settime() do. Waiting raises what
    Timer.read() does.
    """
    if not interval > 0:
        raise ValueError("interval must be more than 0")
    if initial is not None and not initial >= 0:
        raise ValueError("initial must not be less than 0")
    timer = Timer(clockid, flags=TFD_NONBLOCK, backend=backend)
    try:
        # To a timer, zero is never.
        timer.settime(interval if initial is None else initial or 1e-9, interval)
    except BaseException:
        timer.close()
        raise
    return Expirations(timer)


class Expirations:
    """An asynchronous iterator over the expirations of a timer, as every() returns it.

    It can be made of a Timer, too, that has TFD_NONBLOCK (ValueError if not), and that is its own from then on.

    One task at a time may wait for the next: RuntimeError is raised for a second one. The timer is closed by aclose(), by the end of the async
    with block, or when nobody has the iterator any more: who leaves a loop has nothing to do.
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
            # Even if there is something to read already: other tasks are to have their turn.
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
        # Only here, as it takes long: most people want no more than descriptors.
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
        """Waits no more for something to read; what was waited by, if anything was.

        Before the timer is closed, since its number may be another file's then.
        """
        readable, self._readable = self._readable, None
        if readable is not None and not self._timer.closed and not readable.get_loop().is_closed():
            readable.get_loop().remove_reader(self._timer.fileno())
        return readable

    async def aclose(self) -> None:
        """Closes the timer. Who waits for it finds that there are no more expirations. To be called in the loop that waits."""
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
        # There is none if none was taken.
        timer: Timer | None = getattr(self, "_timer", None)
        if timer is not None:
            timer.close()

    def __getstate__(self) -> None:
        # Two would close one timer.
        raise TypeError(f"cannot copy or pickle {type(self).__qualname__!r} object")

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} of {self._timer!r}>"


def _wake(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
