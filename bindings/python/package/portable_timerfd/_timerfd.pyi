from typing import Final, SupportsFloat, SupportsIndex

from _typeshed import FileDescriptorLike

from ._types import Backend as _Backend

__all__ = [
    "__version__",
    "TFD_CLOEXEC",
    "TFD_NONBLOCK",
    "TFD_TIMER_ABSTIME",
    "TFD_TIMER_CANCEL_ON_SET",
    "create",
    "get_backend",
    "set_backend",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_gettime_ns",
    "timerfd_settime",
    "timerfd_settime_ns",
    "try_read",
]

__version__: Final[str]
TFD_CLOEXEC: Final[int]
TFD_NONBLOCK: Final[int]
TFD_TIMER_ABSTIME: Final[int]
TFD_TIMER_CANCEL_ON_SET: Final[int]

def timerfd_create(clockid: SupportsIndex, /, *, flags: SupportsIndex = 0) -> int: ...
def timerfd_settime(
    fd: FileDescriptorLike,
    /,
    *,
    flags: SupportsIndex = 0,
    initial: SupportsFloat | SupportsIndex = 0.0,
    interval: SupportsFloat | SupportsIndex = 0.0,
) -> tuple[float, float]: ...
def timerfd_settime_ns(
    fd: FileDescriptorLike,
    /,
    *,
    flags: SupportsIndex = 0,
    initial: SupportsIndex = 0,
    interval: SupportsIndex = 0,
) -> tuple[int, int]: ...
def timerfd_gettime(fd: FileDescriptorLike, /) -> tuple[float, float]: ...
def timerfd_gettime_ns(fd: FileDescriptorLike, /) -> tuple[int, int]: ...
def create(backend: _Backend | None, clockid: SupportsIndex, flags: SupportsIndex, /) -> int: ...
def try_read(fd: FileDescriptorLike, /) -> int | None: ...
def set_backend(backend: _Backend | None, /) -> None: ...
def get_backend() -> _Backend | None: ...
