"""Type checkers infer these types. test_types.py runs mypy on this file, and no test imports it."""

from datetime import datetime, timezone
from typing import Any, Iterator, Optional, Tuple

from portable_timerfd import (
    Backend,
    Delay,
    Expirations,
    Expired,
    Key,
    MissedTicks,
    Seconds,
    SimulatedClock,
    SimulatedTimer,
    Time,
    Timer,
    TimerSet,
    every,
    get_backend,
)
from typing_extensions import assert_type


def a_set_has_the_type_of_its_values() -> None:
    timers = TimerSet[str]()
    key = timers.insert(1, "value")
    assert_type(key, Key)
    assert_type(timers.drain(), Iterator[Expired[str]])
    for expired in timers.drain():
        assert_type(expired, Expired[str])
        assert_type(expired.value, str)
        assert_type(expired.count, int)
        expired.value = "other"  # type: ignore[misc]
    assert_type(timers[key], str)
    assert_type(timers.remove(key), Optional[str])
    assert_type(next(timers.items()), Tuple[Key, str])
    assert_type(next(timers.values()), str)
    timers.insert(1, 2)  # type: ignore[arg-type]
    timers.rearm(1, 2)  # type: ignore[arg-type]
    assert 1 not in timers


def a_simulated_set_gets_its_type_from_the_variable(clock: SimulatedClock) -> None:
    timers: TimerSet[str] = clock.timer_set()
    assert_type(clock.timer_set(), TimerSet[Any])
    assert_type(timers[timers.insert(1, "value")], str)
    assert_type(clock.timer(), SimulatedTimer)


async def expirations_are_numbers(interval: Delay, missed_ticks: MissedTicks) -> None:
    assert_type(every(interval, missed_ticks=missed_ticks), Expirations)
    async for expirations in every(interval):
        assert_type(expirations, int)


def the_types_of_arguments_have_names(seconds: Seconds, when: Time) -> Optional[Backend]:
    Timer().settime(seconds)
    Timer().at(datetime.now(timezone.utc))
    Timer().at(when)  # type: ignore[arg-type]
    Timer(backend="solar")  # type: ignore[arg-type]
    SimulatedClock().set_realtime(when)
    TimerSet[None]().insert_at(when, None)
    return get_backend()
