# Reads a blocking timer of the wall clock: first after INITIAL seconds, then every INTERVAL
# seconds, until it has expired TIMES times. Usage: blocking.py INITIAL INTERVAL TIMES
import os
import sys
import time

initial, interval, times = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
fd = os.timerfd_create(time.CLOCK_REALTIME)
assert not os.get_inheritable(fd)
start = time.monotonic_ns()
assert os.timerfd_settime(fd, initial=initial, interval=interval) == (0.0, 0.0)
total = 0
try:
    while total < times:
        count = int.from_bytes(os.read(fd, 8), sys.byteorder)
        passed = time.monotonic_ns() - start
        total += count
        latest = (passed - round(initial * 1e9)) // round(interval * 1e9) + 1
        assert 1 <= count <= total <= latest, (count, total, latest)
        print(f"Timer expired {count} times", flush=True)
    left, every = os.timerfd_gettime(fd)
    assert 0 <= left <= interval and every == interval, (left, every)
    left, every = os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=0)
    assert every == round(interval * 1e9)
    assert os.timerfd_gettime_ns(fd) == (0, 0)
finally:
    os.close(fd)
try:
    os.timerfd_gettime(fd)
except OSError as error:
    print(error.strerror)
