"""Waits for a readable descriptor in the event loop that runs: asyncio's or trio's."""

from __future__ import annotations

import sys
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    import asyncio


def waiting(fd: int) -> Waiting:
    """Begins to watch the descriptor. The caller then awaits wait()."""
    trio = _running_trio()
    return AsyncioWaiting(fd) if trio is None else TrioWaiting(trio, fd)


def _running_trio() -> ModuleType | None:
    """Returns the module if a task of trio calls. A program that uses trio has imported it."""
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        task = trio.lowlevel.current_task()
    except (AttributeError, RuntimeError):  # not in a task, or trio is being imported
        return None
    return None if _runs_asyncio_inside(task.coro) else trio


def _runs_asyncio_inside(coroutine: Any) -> bool:
    """Returns whether a task of asyncio runs inside a task of trio, by asyncio.run().

    The opposite is possible too, so this looks for the innermost of the two tasks.
    """
    asyncio = sys.modules.get("asyncio")
    try:
        task = None if asyncio is None else asyncio.current_task()
    except (AttributeError, RuntimeError):  # there is no loop, or asyncio is being imported
        return False
    if task is None:
        return False
    inside, outside = getattr(task.get_coro(), "cr_frame", None), getattr(coroutine, "cr_frame", None)
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame is not inside and frame is not outside:
        frame = frame.f_back
    return frame is not None and frame is inside


class AsyncioWaiting:
    """A wait of a task of asyncio."""

    def __init__(self, fd: int) -> None:
        # Imported here because the import is slow and most programs use only descriptors.
        import asyncio

        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._readable: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(fd, self._wake)

    def _wake(self) -> None:
        if not self._readable.done():
            self._readable.set_result(None)

    async def wait(self) -> None:
        await self._readable

    @property
    def is_abandoned(self) -> bool:
        """Whether the task can never continue."""
        return self._loop.is_closed()

    def stop(self) -> None:
        """Stops watching the descriptor, which must still be open."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._fd)

    def end(self) -> None:
        """Lets the task continue."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)


class TrioWaiting:
    """A wait of a task of trio."""

    #: trio.run() does not return before its tasks have ended.
    is_abandoned = False

    def __init__(self, trio: ModuleType, fd: int) -> None:
        self._trio = trio
        self._fd = fd
        self._is_waiting = False

    async def wait(self) -> None:
        self._is_waiting = True
        try:
            await self._trio.lowlevel.wait_readable(self._fd)
        except self._trio.ClosedResourceError:
            # stop() was called. The caller finds that the timer is closed.
            pass
        finally:
            self._is_waiting = False

    def stop(self) -> None:
        """Stops watching the descriptor, which must still be open. The task then continues."""
        if self._is_waiting:
            self._trio.lowlevel.notify_closing(self._fd)

    def end(self) -> None:
        """Does nothing: stop() has let the task continue."""


Waiting = Union[AsyncioWaiting, TrioWaiting]
