"""The TimerSet class."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Iterator, SupportsIndex, TypeVar

from . import _timerfd
from ._closing import Closing
from ._errors import as_clock_change, check_process
from ._timerfd import Key
from ._times import not_before, of_clock, of_delay, of_time

if TYPE_CHECKING:
    from ._types import Backend, Delay, Time

T = TypeVar("T")

_MISSING = object()


@dataclass(frozen=True)
class Expired(Generic[T]):
    """An entry of a TimerSet that has expired. TimerSet.drain() returns them."""

    #: The key of the entry. If the entry is not periodic, it is no longer in the set.
    key: Key
    #: The value of the entry.
    value: T
    #: The number of expirations. It is 1 if the entry is not periodic.
    count: int
    #: When the entry was due, in seconds of its clock. If count is more than 1, the first time.
    deadline: float


class TimerSet(Closing, Generic[T]):
    """Any number of deadlines, each with a value, behind one descriptor.

    The descriptor is readable when an entry is due. drain() then returns the entries that are due.

        timers = TimerSet[str]()
        slow = timers.insert(60, "slow")
        timers.insert(0.005, "fast")
        timers.rearm(slow, 90)
        select.select([timers], [], [])
        for expired in timers.drain():
            print(expired.value)

    The class is generic: TimerSet[str]() creates a set whose values are strings. Type checkers need
    the type, and programs without type checks can write TimerSet().

    Delays and intervals are seconds (int or float) or a timedelta. A delay counts on
    CLOCK_MONOTONIC if the clock of the set is CLOCK_REALTIME, otherwise on the clock of the set.
    Times are seconds of the clock of the set, or an aware datetime if that is CLOCK_REALTIME.
    Fractions of a nanosecond are rounded up, so no expiration is early.

    The set may be changed during an iteration over it. The descriptor may also become readable when
    no entry is due, for example after its entry was removed. drain() then returns nothing. Do not
    read or set the descriptor.

    clockid and backend are those of Timer, whose errors TimerSet() raises. Threads may share a set.
    After close(), or the end of the with block, all methods except close() raise ValueError. A
    forked child must not use an inherited set.
    """

    _entries: _timerfd.Entries | None = None
    #: The process of the simulated clock, or None if the set is on a real clock.
    _process: int | None = None

    def __init__(self, clockid: SupportsIndex = time.CLOCK_MONOTONIC, *, backend: Backend | None = None) -> None:
        number = of_clock(clockid)
        self._begin(_timerfd.Entries(backend, number), number)

    def _begin(self, entries: _timerfd.Entries, clockid: int) -> None:
        if self._entries is not None:
            self._entries.close()
        self._entries, self._clockid = entries, clockid

    def insert(self, delay: Delay, value: T, *, interval: Delay = 0) -> Key:
        """Inserts an entry that expires after delay, and returns its key.

        With an interval, the entry then expires again after each interval, and stays in the set.
        Otherwise drain() removes it. A delay of 0 means now.
        """
        return self._all().insert(_relative(delay, interval), value)

    def insert_at(self, when: Time, value: T, *, interval: Delay = 0) -> Key:
        """Like insert(), at a time of the clock of the set. A time in the past means now."""
        return self._all().insert(self._absolute(when, interval), value)

    def rearm(self, key: Key, delay: Delay, *, interval: Delay = 0) -> bool:
        """Changes when an entry expires. Returns False if the entry is not in the set.

        The arguments are those of insert(). An entry without an interval is not periodic any more.
        Re-arming to a later time makes no system call.
        """
        return self._all().rearm(_checked(key), _relative(delay, interval))

    def rearm_at(self, key: Key, when: Time, *, interval: Delay = 0) -> bool:
        """Like rearm(), at a time of the clock of the set."""
        return self._all().rearm(_checked(key), self._absolute(when, interval))

    def remove(self, key: Key, default: T | None = None) -> T | None:
        """Removes an entry and returns its value. Returns default if it is not in the set."""
        return self._all().remove(_checked(key), default)  # type: ignore[return-value]

    def drain(self) -> Iterator[Expired[T]]:
        """Returns an iterator over the entries that are due, in the order of their deadlines.

        It never waits. The set may be changed meanwhile: an entry that is removed or re-armed
        before the iterator reaches it is not returned, and an entry that is inserted belongs to the
        next drain. If the loop ends early, the descriptor stays readable, and the next drain()
        continues.

        Raises ClockChanged at the end after report_clock_changes(True).
        """
        entries = self._all()
        while True:
            expired = _next_expired(entries)
            if expired is None:
                return
            key, deadline, count, value = expired
            yield Expired(key, value, count, deadline / 1e9)  # type: ignore[arg-type]

    def report_clock_changes(self, report: bool) -> None:
        """Turns reports of changes of the wall clock on or off. They are off at first.

        If they are on, a change makes the descriptor readable, and drain() raises ClockChanged
        once, after the last entry. No entry is lost. Has no effect on other clocks.
        """
        self._all().report_clock_changes(report)

    def deadline(self, key: Key) -> float:
        """Returns when an entry expires next, in seconds of the clock that it counts on.

        Raises KeyError if the entry is not in the set.
        """
        entries = self._all()
        found = entries.deadline(key) if isinstance(key, Key) else None
        if found is None:
            raise KeyError(key)
        return found / 1e9

    def __getitem__(self, key: Key) -> T:
        """Returns the value of an entry. Raises KeyError if it is not in the set."""
        value = self._get(key)
        if value is _MISSING:
            raise KeyError(key)
        return value  # type: ignore[return-value]

    def __contains__(self, key: object) -> bool:
        return self._get(key) is not _MISSING

    def _get(self, key: object) -> object:
        entries = self._all()
        return entries.get(key, _MISSING) if isinstance(key, Key) else _MISSING

    def __iter__(self) -> Iterator[Key]:
        """Iterates over the keys of the entries that are in the set now, in no particular order."""
        return iter(self._all().keys())

    def items(self) -> Iterator[tuple[Key, T]]:
        """Iterates over the keys and values of the entries that are in the set now."""
        pairs = [(key, self._get(key)) for key in self]
        # Another thread may have removed an entry meanwhile.
        return iter([pair for pair in pairs if pair[1] is not _MISSING])  # type: ignore[misc]

    def values(self) -> Iterator[T]:
        """Iterates over the values of the entries that are in the set now, in no particular order."""
        return (value for _, value in self.items())

    def __len__(self) -> int:
        return self._all().len()

    def fileno(self) -> int:
        """Returns the descriptor, which the set still owns."""
        return self._all().fileno()

    @property
    def closed(self) -> bool:
        """Whether the set is closed."""
        return self._entries is None

    def close(self) -> None:
        """Closes the set and drops its values. Does nothing if it is already closed."""
        entries, self._entries = self._entries, None
        if entries is not None:
            entries.close()

    def _all(self) -> _timerfd.Entries:
        if self._entries is None:
            raise ValueError("I/O operation on closed timer set")
        if self._process is not None:
            check_process(self._process)
        return self._entries

    def _absolute(self, when: Time, interval: Delay) -> tuple[bool, int, int]:
        first = of_time("when", when, self._clockid)
        every = of_delay("interval", interval)
        return True, not_before(0, first, every), every

    def __repr__(self) -> str:
        state = "closed" if self._entries is None else f"fd={self.fileno()} entries={len(self)}"
        return f"<{type(self).__module__}.{type(self).__qualname__} {state}>"


def _checked(key: Key) -> Key:
    if not isinstance(key, Key):
        raise TypeError(f"key must be a Key, not {type(key).__name__}")
    return key


def _relative(delay: Delay, interval: Delay) -> tuple[bool, int, int]:
    return False, of_delay("delay", delay), of_delay("interval", interval)


def _next_expired(entries: _timerfd.Entries) -> tuple[Key, int, int, object] | None:
    try:
        return entries.next_expired()
    except OSError as error:
        raise as_clock_change(error) from None
