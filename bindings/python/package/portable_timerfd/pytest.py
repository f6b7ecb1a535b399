"""A pytest fixture for tests without waiting.

To use it, write in a test module, or in conftest.py:

    from portable_timerfd.pytest import simulated_clock
"""

from __future__ import annotations

import pytest

from . import SimulatedClock

__all__ = ["simulated_clock"]


@pytest.fixture
def simulated_clock() -> SimulatedClock:
    """A new SimulatedClock. To let a read() advance it, set its attribute auto_advance."""
    return SimulatedClock()
