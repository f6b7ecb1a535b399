"""CPython's own tests of os.timerfd_*, with a tolerance that a busy machine cannot exceed.

CPython compares remaining times to half a millisecond or a millisecond, although any amount of
time can pass between two calls on a busy machine. Here each such comparison allows for the time
that has really passed since the test began, and for no more.
"""

import time
import unittest

import test.test_os


class Tolerant(test.test_os.TimerfdTests):
    def setUp(self):
        self.began = time.perf_counter_ns()

    def passed(self, unit):
        """The time since the test began, in seconds for a float, in nanoseconds for an int."""
        nanoseconds = time.perf_counter_ns() - self.began
        return nanoseconds if isinstance(unit, int) else nanoseconds / 1e9

    def assertAlmostEqual(self, first, second, places=None, msg=None, delta=None):
        """A remaining time is too small by the time that has passed."""
        if delta is None and first < second:
            first = min(second, first + self.passed(0.0))
        super().assertAlmostEqual(first, second, places, msg, delta)

    def assertLess(self, a, b, msg=None):
        """The error of a remaining time, in nanoseconds, grows with the time that has passed."""
        super().assertLess(a, b + self.passed(a), msg)

    def assertGreater(self, a, b, msg=None):
        """A wait is too short by the time that passed between the setting and the start of the wait."""
        super().assertGreater(max(a, self.passed(a)), b, msg)


if __name__ == "__main__":
    unittest.main()
