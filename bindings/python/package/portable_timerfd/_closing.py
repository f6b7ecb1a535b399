"""What timers and sets have in common: they must be closed, and cannot be copied."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import TypeVar

Self = TypeVar("Self", bound="Closing")


class NotCopied:
    """An object that owns a descriptor. Both copies would close the same one."""

    def __getstate__(self) -> None:
        raise TypeError(f"cannot copy or pickle {type(self).__qualname__!r} object")


class Closing(NotCopied):
    """An object that the end of the with block closes, and otherwise the garbage collector."""

    #: Whether another object closes this one. The collector then does not warn.
    _is_owned = False

    def fileno(self) -> int:
        raise NotImplementedError

    @property
    def closed(self) -> bool:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self: Self) -> Self:
        self.fileno()  # raises ValueError if it is closed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not self.closed:
            # A warning filter may turn the warning into an error.
            try:
                if not self._is_owned:
                    warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                self.close()
