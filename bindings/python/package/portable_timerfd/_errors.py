"""The exceptions of timers."""

from __future__ import annotations

import errno
import os


class ClockChanged(OSError):
    """The wall clock was set, or a suspend stopped the monotonic clock. errno is ECANCELED.

    The message says so instead of the system's text for ECANCELED, "Operation canceled".

    Timer.read() raises it on each backend if the timer was set with cancel_on_set, or with
    TFD_TIMER_CANCEL_ON_SET. Expirations that were not read are lost. If the timer had already
    expired, it is disarmed then, even if it is periodic: set it again. If a method that sets the
    timer raises it, the new setting is in force.
    """


def as_clock_change(error: OSError) -> OSError:
    """Returns ClockChanged for ECANCELED, and otherwise the error itself."""
    changed = error.errno == errno.ECANCELED
    return ClockChanged(error.errno, "the wall clock was changed") if changed else error


def check_process(creator: int) -> None:
    """Raises RuntimeError in a forked child of the process that has created a simulated clock."""
    if os.getpid() != creator:
        raise RuntimeError("a forked child cannot use a simulated clock of its parent")
