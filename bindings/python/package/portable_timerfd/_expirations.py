"""Expirations as asyncio has them."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import TYPE_CHECKING

from ._timer import Timer
from ._timerfd import TFD_NONBLOCK

if TYPE_CHECKING:
    from typing_extensions import Self


def every(
    interval: float,
    *,
    initial: float | None = None,
    clockid: int = time.CLOCK_MONOTONIC,
    backend: str | None = None,
) -> Expirations:
    """Returns an asynchronous iterator over the expirations of a timer that expires each interval seconds, from now on.

        async for expirations in every(0.5):
            print(expirations)

    An item is the number of expirations since the one before: 1, or more if they came while nobody was waiting. None is lost, and none
    comes early; however long the loop's body takes, they stay in step with the first.

    initial is when the first comes, in seconds: 0 for at once, None for after an interval. clockid and backend are those of Timer.

    Raises ValueError if interval is not more than 0 or initial is less, else what Timer and its settime() do.
    """
    if not interval > 0:
        raise ValueError("interval is to be more than 0")
    if initial is not None and not initial >= 0:
        raise ValueError("initial is not to be less than 0")
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

    One task at a time may wait for the next: RuntimeError is raised for a second one. The timer ends with aclose(), with the async with
    block, or when nobody has the iterator any more.
    """

    def __init__(self, timer: Timer) -> None:
        """Takes a timer that does not wait when it is read, and closes it in the end."""
        self._timer = timer
        self._readable: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        if self._readable is not None:
            raise RuntimeError("another task waits for these expirations")
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
        loop = asyncio.get_running_loop()
        self._readable = loop.create_future()
        loop.add_reader(self._timer.fileno(), self._wake)
        try:
            await self._readable
        finally:
            self._ignore()

    def _wake(self) -> None:
        if self._readable is not None and not self._readable.done():
            self._readable.set_result(None)

    def _ignore(self) -> None:
        """Waits no more for something to read: before the timer is closed, since its number may be another file's then."""
        readable, self._readable = self._readable, None
        if readable is not None and not self._timer.closed:
            readable.get_loop().remove_reader(self._timer.fileno())

    async def aclose(self) -> None:
        """Ends the timer. Who waits for it finds that there are no more expirations."""
        self._wake()
        self._ignore()
        self._timer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # Who leaves a loop has nothing to close.
        self._timer.close()
