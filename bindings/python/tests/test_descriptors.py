"""Timers as raw descriptors: reading, polling, child processes, threads and resource limits."""

import asyncio
import fcntl
import os
import resource
import select
import selectors
import subprocess
import threading
import time

import portable_timerfd
import pytest
from conftest import PYTHON, count


@pytest.fixture
def few_descriptors():
    """Limits the process to twenty more descriptors than are open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def timer(timerfd):
    """A non-blocking timer."""
    return timerfd.create(time.CLOCK_MONOTONIC, flags=timerfd.NONBLOCK)


def test_a_timer_is_not_inheritable_and_blocks_by_default(timerfd):
    for flags in (0, os.O_CLOEXEC):
        fd = timerfd.create(time.CLOCK_MONOTONIC, flags=flags)
        assert not os.get_inheritable(fd) and os.get_blocking(fd)
    fd = timerfd.create(time.CLOCK_MONOTONIC, flags=timerfd.NONBLOCK)
    assert not os.get_inheritable(fd) and not os.get_blocking(fd)


def test_create_returns_the_lowest_free_descriptor(timerfd):
    lowest = os.dup(0)
    os.close(lowest)
    assert timerfd.create(time.CLOCK_MONOTONIC) == lowest


def test_the_blocking_mode_can_be_changed(timerfd, timer):
    with pytest.raises(BlockingIOError):
        os.read(timer, 8)
    os.set_blocking(timer, True)
    timerfd.settime(timer, initial=0.01)
    assert count(timer) == 1


def test_select_poll_and_selectors_wait_for_a_timer(timerfd, timer):
    def by_select():
        return select.select([timer], [timer], [timer])

    def by_poll():
        poll = select.poll()
        poll.register(timer, select.POLLIN)
        return poll.poll()

    def by_selectors():
        with selectors.DefaultSelector() as selector:
            selector.register(timer, selectors.EVENT_READ)
            return [(key.fd, events) for key, events in selector.select()]

    for wait, what in (
        (by_select, ([timer], [], [])),
        (by_poll, [(timer, select.POLLIN)]),
        (by_selectors, [(timer, selectors.EVENT_READ)]),
    ):
        start = time.monotonic_ns()
        timerfd.settime(timer, initial=0.02)
        assert select.select([timer], [], [], 0) == ([], [], []) or time.monotonic_ns() - start >= 2 * 10**7
        assert wait() == what
        assert time.monotonic_ns() - start >= 2 * 10**7
        assert count(timer) == 1


def test_asyncio_waits_for_a_timer(timerfd, timer):
    async def main():
        loop, counts = asyncio.get_running_loop(), []
        enough = loop.create_future()

        def readable():
            try:
                counts.append(count(timer))
            except BlockingIOError:
                return
            if sum(counts) >= 5 and not enough.done():
                enough.set_result(None)

        loop.add_reader(timer, readable)
        start = time.monotonic_ns()
        timerfd.settime(timer, initial=0.01, interval=0.01)
        await enough
        assert time.monotonic_ns() - start >= sum(counts) * 10**7
        loop.remove_reader(timer)

    asyncio.run(main())


def test_a_blocked_read_releases_the_gil(timerfd):
    fd = timerfd.create(time.CLOCK_MONOTONIC)
    got = []
    reader = threading.Thread(target=lambda: got.append(count(fd)))
    reader.start()
    timerfd.settime(fd, initial=0.02)
    reader.join()
    assert got == [1]


def test_many_threads_use_their_own_timers(backend):
    errors = []

    def work(seed):
        try:
            for each in range(50):
                with portable_timerfd.Timer() as timer:
                    timer.settime_ns(initial=1 + seed * each, interval=0)
                    assert timer.read() == 1
                    assert timer.gettime_ns() == (0, 0)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_a_duplicate_is_the_same_timer(timerfd, timer):
    other = os.dup(timer)
    try:
        timerfd.settime(other, initial=100)
        assert timerfd.gettime(timer)[0] > 0
        timerfd.settime(timer, initial=1e-9)
        select.select([other], [], [])
        assert count(other) == 1
    finally:
        os.close(other)


def test_create_fails_at_the_limit_of_descriptors(backend, few_descriptors):
    made = []
    try:
        with pytest.raises(OSError) as raised:
            while True:
                made.append(portable_timerfd.Timer())
        assert raised.value.errno == 24 and len(made) > 3
        # Existing timers still work, and a new one can be created after one is closed.
        made[0].settime(1e-9)
        assert made[0].read() == 1
        made.pop().close()
        made.append(portable_timerfd.Timer())
    finally:
        for timer in made:
            timer.close()


def test_timers_of_both_backends_can_coexist(backend):
    with portable_timerfd.Timer(backend="userspace") as one, portable_timerfd.Timer(backend=backend) as other:
        one.settime(0.002)
        other.settime(0.001)
        assert one.read() == other.read() == 1


def test_an_executed_program_does_not_inherit_a_timer(timerfd, timer):
    script = f"import os\ntry: os.fstat({timer})\nexcept OSError as e: print(e.errno)"
    ran = subprocess.run([PYTHON, "-c", script], close_fds=False, stdout=subprocess.PIPE)
    assert ran.stdout == b"9\n"


def test_a_forked_child_can_create_its_own_timers(timerfd, timer):
    timerfd.settime(timer, initial=100)
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            fd = timerfd.create(time.CLOCK_MONOTONIC)
            timerfd.settime(fd, initial=0.005, interval=0.005)
            failed = not (count(fd) >= 1 and timerfd.gettime(fd)[1] == 0.005)
        finally:
            os._exit(failed)
    assert os.waitpid(child, 0)[1] == 0
    assert timerfd.gettime(timer)[0] > 0


def test_a_forked_child_cannot_use_an_emulated_timer_of_its_parent():
    with portable_timerfd.Timer(backend="userspace") as timer:
        timer.settime(100)
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                timer.gettime()
            except OSError as error:
                failed = error.errno != 22
            finally:
                os._exit(failed)
        assert os.waitpid(child, 0)[1] == 0


def test_read_raises_eoferror_after_the_creator_of_a_timer_has_ended():
    reading, writing = os.pipe()
    maker = os.fork()
    if maker == 0:
        try:
            timer = portable_timerfd.Timer(backend="userspace")
            timer.settime(1000)
            if os.fork() == 0:
                try:
                    timer.read()
                except EOFError as error:
                    os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    assert os.waitpid(maker, 0)[1] == 0
    assert os.read(reading, 100) == b"the process that made the timer is gone"
    os.close(reading)


def test_closing_a_timer_frees_its_descriptors(backend, few_descriptors):
    # The library closes its own descriptors in time, at the latest when no other is free.
    for _ in range(500):
        with portable_timerfd.Timer() as timer:
            timer.settime(1000)
            assert fcntl.fcntl(timer.fileno(), fcntl.F_GETFD) == fcntl.FD_CLOEXEC
