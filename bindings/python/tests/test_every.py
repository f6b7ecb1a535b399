"""every() and Expirations in asyncio."""

import asyncio
import copy
import gc
import os
import pickle
import time

import portable_timerfd
import pytest
from portable_timerfd import every


@pytest.fixture
def left_open(monkeypatch):
    """The descriptors of the timers that every() has created and not closed."""
    numbers = []

    class Noted(portable_timerfd.Timer):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            numbers.append(self.fileno())

        def close(self):
            if not self.closed:
                numbers.remove(self.fileno())
            super().close()

    monkeypatch.setattr("portable_timerfd._expirations.Timer", Noted)
    return numbers


def test_every_reports_each_period_once_and_never_early(backend):
    async def main():
        start = time.monotonic_ns()
        total = 0
        async for expirations in every(0.005):
            total += expirations
            assert 1 <= expirations and total <= (time.monotonic_ns() - start) // (5 * 10**6)
            if total >= 10:
                break

    asyncio.run(main())


def test_missed_expirations_are_reported_together(backend):
    async def main():
        start = time.monotonic_ns()
        ticks = every(0.001)
        total = await ticks.__anext__()
        time.sleep(0.02)
        total += await ticks.__anext__()
        late = await ticks.__anext__()
        # Expirations before the last wait have been reported by now.
        assert (time.monotonic_ns() - start) // 10**6 >= total + late >= 20
        await ticks.aclose()

    asyncio.run(main())


def test_initial_sets_the_first_expiration(backend):
    async def main():
        start = time.monotonic_ns()
        async with every(1000, initial=0.01) as later, every(1000, initial=0) as soon:
            assert await soon.__anext__() == 1
            assert await later.__anext__() == 1
            assert time.monotonic_ns() - start >= 10**7

    asyncio.run(main())


def test_other_tasks_run_between_expirations(backend):
    async def main():
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        times = 0
        # This timer is always readable.
        async for _ in every(1e-9):
            times += 1
            if times == 20:
                break
        task.cancel()
        assert turns >= 20

    asyncio.run(main())


def test_a_cancelled_wait_can_be_repeated(backend):
    async def main():
        timer = portable_timerfd.Timer(flags=portable_timerfd.TFD_NONBLOCK)
        expirations = portable_timerfd.Expirations(timer)
        timer.settime(1000)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(expirations.__anext__(), 0.001)
        timer.settime(0.001)
        assert await expirations.__anext__() == 1
        await expirations.aclose()

    asyncio.run(main())


def test_a_task_waits_again_if_there_is_nothing_to_read(backend):
    class Shared(portable_timerfd.Timer):
        """A timer whose first count another reader has consumed."""

        taken = False

        def read(self):
            if not self.taken:
                self.taken = True
                assert super().read() == 1
                self.settime(0.001)
            return super().read()

    async def main():
        timer = Shared(flags=portable_timerfd.TFD_NONBLOCK)
        timer.settime(1e-9)
        async with portable_timerfd.Expirations(timer) as expirations:
            assert await expirations.__anext__() == 1
            assert timer.taken

    asyncio.run(main())


def test_an_error_of_the_loop_keeps_the_iterator_usable(backend, monkeypatch):
    async def main():
        async with every(0.001) as ticks:
            loop = asyncio.get_running_loop()
            with monkeypatch.context() as patched:
                patched.setattr(loop, "add_reader", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    await ticks.__anext__()
            assert await ticks.__anext__() >= 1

    asyncio.run(main())


def test_a_closed_loop_no_longer_counts_as_a_waiter(backend):
    ticks, others = every(0.001), every(1000)
    loop = asyncio.new_event_loop()
    waiting = [loop.create_task(each.__anext__()) for each in (ticks, others)]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    async def main():
        assert await ticks.__anext__() >= 1
        for each in (ticks, others):
            await each.aclose()
            assert each._timer.closed

    asyncio.run(main())
    for task in waiting:
        # Suppresses asyncio's message about pending tasks.
        task._log_destroy_pending = False


def test_expirations_cannot_be_copied(backend):
    ticks = every(1)
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            make(ticks)


def test_closing_ends_a_wait(backend):
    async def main():
        ticks = every(1000)

        async def collect():
            return [each async for each in ticks]

        task = asyncio.ensure_future(collect())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await ticks.__anext__()
        await ticks.aclose()
        assert await task == []
        await ticks.aclose()
        with pytest.raises(StopAsyncIteration):
            await ticks.__anext__()

    asyncio.run(main())


def test_closing_keeps_the_reader_of_a_file_that_reuses_the_number(backend):
    async def main():
        loop = asyncio.get_running_loop()
        ticks = every(1000)
        task = asyncio.ensure_future(ticks.__anext__())
        await asyncio.sleep(0)
        number = ticks._timer.fileno()
        await ticks.aclose()
        reading, writing = os.pipe()
        assert number in (reading, writing)
        seen = loop.create_future()
        loop.add_reader(reading, lambda: seen.done() or seen.set_result(None))
        with pytest.raises(StopAsyncIteration):
            await task
        os.write(writing, b"x")
        await seen
        loop.remove_reader(reading)
        os.close(reading)
        os.close(writing)

    asyncio.run(main())


def test_leaving_a_loop_closes_the_timer(backend, left_open, recwarn):
    async def main():
        async for _ in every(0.001):
            assert len(left_open) == 1
            break
        gc.collect()
        assert not left_open

    asyncio.run(main())
    assert not recwarn.list


def test_invalid_arguments_are_errors(backend, left_open):
    for interval in (0, -1, float("nan"), -0.0):
        with pytest.raises(ValueError):
            every(interval)
    for initial in (-1, float("nan")):
        with pytest.raises(ValueError):
            every(1, initial=initial)
    with pytest.raises(OverflowError):
        every(float("inf"))
    with pytest.raises(TypeError):
        every("1")
    with pytest.raises(OSError):
        every(1, clockid=12345)
    with pytest.raises(ValueError):
        every(1, backend="solar")
    assert not left_open


def test_expirations_accepts_an_existing_timer(backend):
    async def main():
        timer = portable_timerfd.Timer(time.CLOCK_REALTIME, flags=portable_timerfd.TFD_NONBLOCK)
        due = time.time_ns() + 10**7
        timer.settime_ns(due, flags=portable_timerfd.TFD_TIMER_ABSTIME)
        async with portable_timerfd.Expirations(timer) as expirations:
            assert await expirations.__anext__() == 1 and time.time_ns() >= due
            assert repr(expirations) == f"<portable_timerfd.Expirations of {timer!r}>"
        assert timer.closed

    asyncio.run(main())
    with portable_timerfd.Timer() as waits:
        with pytest.raises(ValueError, match="TFD_NONBLOCK"):
            portable_timerfd.Expirations(waits)
        waits.gettime()
    with pytest.raises(TypeError, match=r"^timer must be a Timer, not int$"):
        portable_timerfd.Expirations(5)


def test_every_accepts_clocks_and_backends():
    async def main():
        async with every(0.001, clockid=time.CLOCK_REALTIME, backend="userspace") as ticks:
            assert isinstance(ticks, portable_timerfd.Expirations)
            assert await ticks.__anext__() >= 1

    asyncio.run(main())


def test_a_collected_cycle_does_not_warn_of_the_timer():
    class Holder:
        pass

    holder = Holder()
    timer = portable_timerfd.Timer(flags=portable_timerfd.TFD_NONBLOCK)
    holder.timer, timer.holder = timer, holder
    holder.expirations = portable_timerfd.Expirations(timer)
    fd = timer.fileno()
    del holder, timer
    gc.collect()  # a warning is an error here
    with pytest.raises(OSError):
        os.fstat(fd)


async def first(loop_name):
    """Returns the first count, and the name of the loop that waited for it."""
    seen = []
    expirations = every(0.001)
    begin = portable_timerfd._expirations.waiting

    def record(fd):
        seen.append(begin(fd))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portable_timerfd._expirations, "waiting", record)
        async with expirations:
            assert await expirations.__anext__() >= 1
    return type(seen[0]).__name__ == loop_name


def test_the_innermost_loop_waits():
    trio = pytest.importorskip("trio")

    async def asyncio_in_trio():
        assert await first("TrioWaiting")
        return asyncio.run(first("AsyncioWaiting")) and await first("TrioWaiting")

    async def trio_in_asyncio():
        assert await first("AsyncioWaiting")
        return trio.run(first, "TrioWaiting") and await first("AsyncioWaiting")

    assert trio.run(asyncio_in_trio) and asyncio.run(trio_in_asyncio())


def test_a_trio_guest_of_asyncio_waits_in_trio():
    trio = pytest.importorskip("trio")

    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        trio.lowlevel.start_guest_run(
            first, "TrioWaiting", run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done.set_result
        )
        return (await done).unwrap()

    assert asyncio.run(main())
