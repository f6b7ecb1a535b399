"""every() and sleep_until() in asyncio and in trio."""

import asyncio
import time
from datetime import datetime, timedelta, timezone

import portable_timerfd
import pytest
from portable_timerfd import Expirations, Timer, every, sleep_until

UTC = timezone.utc


class Loop:
    """The same operations in both event loops."""

    def __init__(self, name):
        self.name = name
        self.trio = pytest.importorskip("trio") if name == "trio" else None

    def run(self, main):
        return self.trio.run(main) if self.trio else asyncio.run(main())

    async def pause(self):
        """Lets each other task run until it waits."""
        if self.trio:
            await self.trio.testing.wait_all_tasks_blocked()
        else:
            for _ in range(10):
                await asyncio.sleep(0)

    async def together(self, *functions):
        if self.trio:
            async with self.trio.open_nursery() as nursery:
                for function in functions:
                    nursery.start_soon(function)
        else:
            await asyncio.gather(*(function() for function in functions))

    async def cancelled(self, function):
        """Calls the function, and cancels the call when it waits. Returns whether it was cancelled."""
        if self.trio:
            with self.trio.CancelScope() as scope:
                await self.together(function, self.cancel_later(scope))
            return scope.cancelled_caught
        task = asyncio.ensure_future(function())
        await self.pause()
        task.cancel()
        return isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)

    def cancel_later(self, scope):
        async def cancel():
            await self.pause()
            scope.cancel()

        return cancel


@pytest.fixture(params=["asyncio", "trio"])
def loop(request):
    loop = Loop(request.param)
    if loop.trio:
        pytest.importorskip("trio.testing")
    return loop


def test_every_reports_each_period_once_and_never_early(backend, loop):
    async def main():
        start = time.monotonic_ns()
        total = 0
        async for expirations in every(timedelta(milliseconds=5)):
            total += expirations
            assert 1 <= expirations and total <= (time.monotonic_ns() - start) // (5 * 10**6)
            if total >= 5:
                break

    loop.run(main)


def test_other_tasks_run_while_one_waits(backend, loop):
    order = []

    async def main():
        async with Expirations(Timer(flags=portable_timerfd.TFD_NONBLOCK)) as expirations:

            async def wait():
                order.append(await expirations.__anext__())

            async def expire():
                await loop.pause()
                order.append("expire")
                expirations._timer.after(0)

            await loop.together(wait, expire)

    loop.run(main)
    assert order == ["expire", 1]


def test_a_cancelled_wait_can_be_repeated(backend, loop):
    async def main():
        timer = Timer(flags=portable_timerfd.TFD_NONBLOCK)
        async with Expirations(timer) as expirations:
            timer.after(1000)
            assert await loop.cancelled(expirations.__anext__)
            timer.after(0.001)
            assert await expirations.__anext__() == 1

    loop.run(main)


def test_closing_ends_a_wait(backend, loop):
    ended = []

    async def main():
        ticks = every(1000)

        async def collect():
            ended.append([each async for each in ticks])

        async def close():
            await loop.pause()
            with pytest.raises(RuntimeError, match="another task"):
                await ticks.__anext__()
            await ticks.aclose()

        await loop.together(collect, close)
        await ticks.aclose()

    loop.run(main)
    assert ended == [[]]


@pytest.mark.parametrize(
    ("missed_ticks", "reports"), [("count", [1, 3, 1, 2, 1]), ("coalesce", [1, 1, 1, 1, 1]), ("skip", [1, 1, 1])]
)
def test_missed_expirations_are_reported_by_the_policy(backend, loop, missed_ticks, reports):
    class Late(Timer):
        """A timer whose reads return these counts."""

        counts = (1, 3, 1, 2, 1)

        def read(self):
            super().read()
            count, *self.counts = self.counts
            return count

    async def main():
        timer = Late(flags=portable_timerfd.TFD_NONBLOCK)
        timer.every(1e-9)
        async with Expirations(timer, missed_ticks=missed_ticks) as expirations:
            assert [await expirations.__anext__() for _ in reports] == reports
            assert not timer.counts

    loop.run(main)


def test_every_takes_the_policy(backend, loop):
    async def main():
        async with every(0.001, missed_ticks="coalesce") as ticks:
            await ticks.__anext__()
            time.sleep(0.01)
            assert await ticks.__anext__() == 1

    loop.run(main)
    with pytest.raises(ValueError, match=r"missed_ticks is neither .*: 'burst'"):
        every(1, missed_ticks="burst")


def test_sleep_until_waits_for_the_wall_clock(backend, loop):
    async def main():
        due = datetime.now(timezone(timedelta(hours=-3))) + timedelta(milliseconds=20)
        assert await sleep_until(due) is None
        assert datetime.now(UTC) >= due

    loop.run(main)


def test_sleep_until_a_time_in_the_past_lets_other_tasks_run(backend, loop):
    order = []

    async def main():
        async def sleep():
            await sleep_until(datetime(1960, 1, 1, tzinfo=UTC))
            order.append("slept")

        async def other():
            order.append("other")

        await loop.together(sleep, other)

    loop.run(main)
    assert sorted(order) == ["other", "slept"] and (loop.trio or order == ["other", "slept"])


def test_sleep_until_closes_its_timer(backend, loop, monkeypatch):
    made = []

    class Noted(Timer):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr("portable_timerfd._expirations.Timer", Noted)

    async def main():
        with pytest.raises(ValueError, match="when must have a time zone"):
            await sleep_until(datetime(2020, 1, 1))
        assert await loop.cancelled(lambda: sleep_until(datetime.now(UTC) + timedelta(hours=1)))
        await sleep_until(datetime.now(UTC), backend="userspace")

    loop.run(main)
    assert len(made) == 3 and all(timer.closed for timer in made)
