"""Puts the functions and constants of timerfd into os."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import _timerfd

if TYPE_CHECKING:
    from ._timerfd import _Backend

#: What Python 3.13 has in os on Linux.
NAMES = [name for name in _timerfd.__all__ if name.startswith(("TFD_", "timerfd_"))]


def install(backend: _Backend | None = None) -> None:
    """Puts the functions and constants of timerfd into os where it lacks them, so that programs for Python 3.13 on Linux run unchanged.

    backend is "kernel" or "userspace", as set_backend() takes it; None leaves the choice as it is. If one was made, here, by set_backend() before,
    or by PORTABLE_TIMERFD_BACKEND, the functions that os has of its own are replaced, too, as they would go on making timers of the
    kernel's. What is in os stays there.

    Raises ValueError if there is no such backend, and changes nothing then.
    """
    if backend is not None:
        _timerfd.set_backend(backend)
    replace = _timerfd.get_backend() is not None
    for name in NAMES:
        if replace or not hasattr(os, name):
            setattr(os, name, getattr(_timerfd, name))
        if name not in os.__all__:
            os.__all__.append(name)
