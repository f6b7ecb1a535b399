"""Adds the functions and constants of timerfd to os."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from . import _timerfd

if TYPE_CHECKING:
    from ._types import Backend

#: The systems where timerfd of the C library, which the functions of os call, is that of Linux.
LINUX = ("linux", "android")
#: The names that Python 3.13 has in os on Linux.
NAMES = [name for name in _timerfd.__all__ if name.startswith(("TFD_", "timerfd_"))]


def install(backend: Backend | None = None) -> None:
    """Adds to os the timerfd functions and constants that it lacks.

    Programs for Python 3.13 on Linux then run unchanged. The names stay in os afterwards.

    backend is "kernel" or "userspace", as for set_backend(). None leaves the choice unchanged.

    install() also replaces the functions that os already has, in two cases:

    - A backend was chosen, in this call, by set_backend() before, or by PORTABLE_TIMERFD_BACKEND.
      The functions of os always create the kernel's timers.
    - The system is neither Linux nor Android. Python 3.13 can have these functions there too, for
      example on FreeBSD and NetBSD, but with another behaviour.

    Raises ValueError if there is no such backend. It then changes nothing.
    """
    if backend is not None:
        _timerfd.set_backend(backend)
    # get_backend() also checks the name in the environment.
    replace = _timerfd.get_backend() is not None or not sys.platform.startswith(LINUX)
    for name in NAMES:
        if replace or not hasattr(os, name):
            setattr(os, name, getattr(_timerfd, name))
        if name not in os.__all__:
            os.__all__.append(name)
