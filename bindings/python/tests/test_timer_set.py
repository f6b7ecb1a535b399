"""The TimerSet class."""

import asyncio
import copy
import datetime
import errno
import gc
import os
import pickle
import re
import select
import selectors
import threading
import time
import weakref

import portable_timerfd
import pytest
from portable_timerfd import ClockChanged, Expired, SimulatedClock, TimerSet


@pytest.fixture
def clock():
    return SimulatedClock()


@pytest.fixture
def timers(clock):
    with clock.timer_set() as timers:
        yield timers


def values(timers):
    return [expired.value for expired in timers.drain()]


def test_entries_expire_in_the_order_of_their_deadlines(backend):
    with TimerSet() as timers:
        start = time.monotonic()
        timers.insert(0.02, "later")
        timers.insert(datetime.timedelta(milliseconds=5), "sooner")
        timers.insert(1000, "never")
        seen = []
        while len(seen) < 2:
            select.select([timers], [], [])
            seen += values(timers)
        assert seen == ["sooner", "later"] and time.monotonic() >= start + 0.02
        assert len(timers) == 1


def test_a_set_works_with_selectors(backend):
    with TimerSet() as timers, selectors.DefaultSelector() as selector:
        selector.register(timers, selectors.EVENT_READ, "data")
        timers.insert(0.001, "value")
        [(key, _)] = selector.select()
        assert key.data == "data" and values(timers) == ["value"]
        assert selector.select(0) == []


def test_a_set_works_with_asyncio(backend):
    async def main():
        loop, seen = asyncio.get_running_loop(), asyncio.Queue()
        with TimerSet() as timers:
            loop.add_reader(timers, lambda: [seen.put_nowait(each.value) for each in timers.drain()])
            timers.insert(0.001, 1)
            timers.insert(0.002, 2)
            assert [await seen.get(), await seen.get()] == [1, 2]
            loop.remove_reader(timers)

    asyncio.run(main())


def test_an_entry_from_another_thread_wakes_a_waiting_thread(backend):
    with TimerSet() as timers:
        timers.insert(1000, "never")
        other = threading.Thread(target=timers.insert, args=(0, "now"))
        other.start()
        select.select([timers], [], [])
        other.join()
        assert values(timers) == ["now"]


def test_a_set_uses_the_named_backend():
    with TimerSet(backend="userspace") as timers:
        assert os.fstat(timers.fileno()).st_mode & 0o170000 == 0o010000
    with pytest.raises(ValueError, match="neither 'kernel' nor 'userspace': 'solar'"):
        TimerSet(backend="solar")
    with pytest.raises(OSError) as raised:
        TimerSet(12345)
    assert raised.value.errno == errno.EINVAL


def test_absolute_times_are_those_of_the_clock(backend):
    with TimerSet(time.CLOCK_MONOTONIC) as timers:
        when = time.clock_gettime(time.CLOCK_MONOTONIC) + 1000
        key = timers.insert_at(when, "far")
        assert timers.deadline(key) == pytest.approx(when, abs=1e-6)
        timers.insert_at(when - 1000, "now")
        timers.insert_at(-5, "past")
        select.select([timers], [], [])
        assert values(timers) == ["past", "now"]
    with TimerSet(time.CLOCK_REALTIME) as timers:
        timers.insert_at(datetime.datetime.now(datetime.timezone.utc), "now")
        select.select([timers], [], [])
        assert values(timers) == ["now"]


def test_a_periodic_entry_stays_with_its_value(clock, timers):
    key = timers.insert(1, "beat", interval=10)
    clock.advance(25)
    [expired] = timers.drain()
    assert expired == Expired(key, "beat", 3, clock.monotonic() - 24)
    assert timers[key] == "beat" and len(timers) == 1
    assert clock.advance_to_next() == 6.0
    assert [each.count for each in timers.drain()] == [1]


def test_a_value_that_is_no_key_is_in_no_set(timers):
    timers.insert(1, "value")
    assert 1 not in timers and None not in timers
    for find in (timers.__getitem__, timers.deadline):
        with pytest.raises(KeyError, match=r"^1$"):
            find(1)
    for change in (timers.remove, lambda key: timers.rearm(key, 1), lambda key: timers.rearm_at(key, 1)):
        with pytest.raises(TypeError, match=r"^key must be a Key, not int$"):
            change(1)


def test_keys_have_a_representation_of_their_own(clock, timers):
    first, second = timers.insert(1, "value"), timers.insert(1, "value")
    assert repr(first) != repr(second)
    [same, _] = sorted(timers, key=repr)
    assert repr(same) == repr(first)
    assert re.match(r"^<portable_timerfd.Key of set \d+, slot 0, generation 1>$", repr(first))
    with clock.timer_set() as other:
        assert repr(other.insert(1, "value")) != repr(first)
        with pytest.raises(KeyError, match=repr(first)):
            other[first]


def test_values_and_items_are_those_in_the_set_now(timers):
    keys = [timers.insert(1, value) for value in "abc"]
    pairs, values_now = timers.items(), timers.values()
    timers.remove(keys[0])
    assert dict(pairs) == dict(zip(keys, "abc"))
    assert sorted(values_now) == ["a", "b", "c"]
    assert sorted(timers.values()) == ["b", "c"] and dict(timers.items()) == dict(zip(keys[1:], "bc"))


def test_expired_is_generic_and_immutable(timers):
    expired = Expired[str](timers.insert(1, "value"), "value", 1, 2.5)
    with pytest.raises(AttributeError):
        expired.value = "other"
    assert TimerSet[str].__origin__ is TimerSet


def test_rearm_moves_an_entry(clock, timers):
    key = timers.insert(10, "moved")
    assert timers.rearm(key, 20) and timers.rearm(key, 5, interval=1)
    assert timers.deadline(key) == clock.monotonic() + 5
    assert timers.rearm_at(key, clock.monotonic() + 7)
    clock.advance(6)
    assert values(timers) == []
    clock.advance(1)
    assert values(timers) == ["moved"]
    assert not timers.rearm(key, 1) and not timers.rearm_at(key, 1)


def test_a_removed_entry_does_not_expire(clock, timers):
    key, other = timers.insert(1, None), timers.insert(1, "other")
    assert key in timers and timers[key] is None
    assert timers.remove(key, "default") is None
    assert timers.remove(key, "default") == "default" and timers.remove(key) is None
    assert key not in timers and list(timers) == [other]
    for use in (timers.__getitem__, timers.deadline):
        with pytest.raises(KeyError):
            use(key)
    clock.advance(1)
    assert values(timers) == ["other"]


def test_keys_are_hashable_and_of_one_set(clock, timers):
    with clock.timer_set() as other:
        here, there = timers.insert(1, "here"), other.insert(1, "there")
        assert len({here, there, *timers, *other}) == 2
        assert isinstance(here, portable_timerfd.Key)
        assert there not in timers and not timers.rearm(there, 5) and timers.remove(there) is None
        assert other[there] == "there"
    with pytest.raises(TypeError):
        timers.remove(1)


def test_a_drain_can_change_the_set_and_be_continued(clock, timers):
    first, second, third = (timers.insert(1, name) for name in ("first", "second", "third"))
    clock.advance(1)
    drain = timers.drain()
    assert next(drain).key == first
    timers.remove(second)
    timers.insert(0, "next drain")
    drain.close()
    assert clock.has_unread()
    assert values(timers) == ["third"] and third not in timers
    assert values(timers) == ["next drain"]
    assert not clock.has_unread()


def test_a_clock_change_moves_absolute_entries(clock):
    with clock.timer_set(time.CLOCK_REALTIME) as timers:
        noon = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.timezone.utc)
        timers.report_clock_changes(True)
        timers.insert_at(noon, "noon")
        timers.insert(3600, "in an hour")
        clock.set_realtime(noon)
        drain = timers.drain()
        assert next(drain).value == "noon"
        with pytest.raises(ClockChanged):
            next(drain)
        clock.advance(3600)
        assert values(timers) == ["in an hour"]


@pytest.mark.parametrize(
    ("error", "match", "use"),
    [
        (ValueError, "delay must not be negative: -1", lambda timers: timers.insert(-1, 0)),
        (ValueError, "interval must not be negative", lambda timers: timers.insert(1, 0, interval=-1)),
        (ValueError, "delay must be a number: nan", lambda timers: timers.insert(float("nan"), 0)),
        (OverflowError, "delay must be less than", lambda timers: timers.insert(float("inf"), 0)),
        (OverflowError, "when must be less than", lambda timers: timers.insert_at(2**63, 0)),
        (TypeError, "delay must be a number of seconds or a timedelta, not str", lambda timers: timers.insert("1", 0)),
        (TypeError, "when must be a number of seconds or a datetime, not", lambda timers: timers.insert_at("1", 0)),
        (ValueError, "not CLOCK_REALTIME", lambda timers: timers.insert_at(datetime.datetime.now(), 0)),
    ],
)
def test_an_invalid_argument_is_named(timers, error, match, use):
    with pytest.raises(error, match=match):
        use(timers)
    assert len(timers) == 0


def test_a_naive_datetime_is_an_error(clock):
    with clock.timer_set(time.CLOCK_REALTIME) as timers, pytest.raises(ValueError, match="must have a time zone"):
        timers.insert_at(datetime.datetime(2030, 1, 1), 0)


def test_fractions_are_rounded_up(clock, timers):
    start = clock.clock_gettime_ns(time.CLOCK_MONOTONIC)
    timers.insert(1.5e-9, 0)
    clock.advance_to_next()
    assert clock.clock_gettime_ns(time.CLOCK_MONOTONIC) == start + 2


def test_a_closed_set_raises(clock):
    with clock.timer_set() as timers:
        key = timers.insert(1, "value")
        timers.insert(0, "now")
        begun = timers.drain()
        assert next(begun).value == "now"
        fd = timers.fileno()
        assert repr(timers) == f"<portable_timerfd.TimerSet fd={fd} entries=1>"
    assert timers.closed and repr(timers) == "<portable_timerfd.TimerSet closed>"
    timers.close()
    with pytest.raises(OSError):
        os.fstat(fd)
    uses = (
        timers.fileno,
        timers.__len__,
        timers.__enter__,
        lambda: next(begun),
        lambda: list(timers.drain()),
        lambda: list(timers),
        lambda: key in timers,
        lambda: timers.insert(1, 1),
        lambda: timers.rearm(key, 1),
        lambda: timers.remove(key),
    )
    for use in uses:
        with pytest.raises(ValueError, match="closed"):
            use()


def test_a_set_cannot_be_copied(timers):
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            make(timers)


def test_a_collected_set_warns_and_is_closed(backend):
    timers = TimerSet()
    fd = timers.fileno()
    with pytest.warns(ResourceWarning, match=f"unclosed <portable_timerfd.TimerSet fd={fd}"):
        del timers
        gc.collect()
    with pytest.raises(OSError):
        os.fstat(fd)


class Value:
    pass


def test_a_set_is_collected_with_a_value_that_refers_to_it(clock):
    timers, value = clock.timer_set(), Value()
    value.timers = timers
    timers.insert(1, value)
    gone = weakref.ref(value)
    with pytest.warns(ResourceWarning, match="unclosed"):
        del timers, value
        gc.collect()
    assert gone() is None


def test_the_finalizer_of_a_value_can_use_the_set(clock, timers):
    class Uses:
        def __del__(self):
            lengths.append(None if timers.closed else len(timers))

    lengths = []
    key = timers.insert(1, Uses())
    timers.remove(key)
    timers.insert(1, Uses())
    clock.advance(1)
    for _ in timers.drain():
        pass
    del _
    with pytest.raises(ValueError):
        timers.insert(-1, Uses())
    gc.collect()
    timers.insert(1, Uses())
    timers.close()
    assert lengths == [0, 0, 0, None]


def test_threads_share_a_set(backend):
    with TimerSet() as timers:

        def use():
            for number in range(200):
                key = timers.insert(1000, number)
                assert timers.rearm(key, 2000) and timers.remove(key) == number

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(timers) == 0 and list(timers.drain()) == []
