"""A pytest fixture for tests without waiting.

To use it, import it in conftest.py. Then every test can use it:

    from portable_timerfd.pytest import simulated_clock

    __all__ = ["simulated_clock"]
"""

from __future__ import annotations

import pytest

from . import SimulatedClock

__all__ = ["simulated_clock"]


@pytest.fixture
def simulated_clock() -> SimulatedClock:
    """A new SimulatedClock. To let a read() advance it, set its attribute auto_advance."""
    return SimulatedClock()
