/* timerfd_gettime: its errors, and its result in every state of a timer. */
#include "check.h"

#include <sys/mman.h>

static void gettime_checks_the_descriptor_before_the_pointer(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), null = open("/dev/null", O_RDWR), ends[2];
    struct itimerspec s;
    CHECK(null >= 0 && pipe(ends) == 0);
    CHECK_FAILS(timerfd_gettime(-1, NULL), EBADF);
    CHECK_FAILS(timerfd_gettime(-1, &s), EBADF);
    CHECK_FAILS(timerfd_gettime(null, NULL), EINVAL);
    CHECK_FAILS(timerfd_gettime(null, &s), EINVAL);
    CHECK_FAILS(timerfd_gettime(ends[0], &s), EINVAL);
    CHECK_FAILS(timerfd_gettime(ends[1], &s), EINVAL);
    CHECK_FAILS(timerfd_gettime(fd, NULL), EFAULT);
    CHECK(close(fd) == 0);
    CHECK_FAILS(timerfd_gettime(fd, NULL), EBADF);
    close(null), close(ends[0]), close(ends[1]);
}

static void gettime_refuses_bad_pointers(void)
{
#ifdef __linux__
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK(two != MAP_FAILED && mprotect(two + page, page, PROT_NONE) == 0);
    set(fd, 0, FAR, 0);
    CHECK_FAILS(timerfd_gettime(fd, (struct itimerspec *)(void *)(two + page)), EFAULT);
    CHECK_FAILS(timerfd_gettime(fd, (struct itimerspec *)(void *)(two + page - sizeof(struct itimerspec) / 2)), EFAULT);
    CHECK_FAILS(timerfd_gettime(fd, (struct itimerspec *)-1L), EFAULT);
    CHECK(mprotect(two, page, PROT_READ) == 0);
    CHECK_FAILS(timerfd_gettime(fd, (struct itimerspec *)(void *)two), EFAULT);
    CHECK_BETWEEN(1, remaining(fd), FAR);
    close(fd), munmap(two, 2 * page);
#endif
}

static void gettime_returns_relative_times(int flags)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    int64_t earliest = now_ns(CLOCK_MONOTONIC) + FAR, latest;
    if (flags) {
        latest = earliest + set_at(fd, earliest, 7 * SECOND + 5);
    } else {
        set(fd, 0, FAR, 7 * SECOND + 5);
        latest = now_ns(CLOCK_MONOTONIC) + FAR;
    }
    for (i = 0; i < 50; i++) {
        int64_t before = now_ns(CLOCK_MONOTONIC), left = remaining(fd), after = now_ns(CLOCK_MONOTONIC);
        CHECK_BETWEEN(earliest - after, left, latest - before);
        CHECK(to_ns(get(fd).it_interval) == 7 * SECOND + 5);
    }
    close(fd);
}

static void an_expired_oneshot_timer_reports_zero(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    set(fd, 0, 1, 0);
    until_ready(fd);
    for (i = 0; i < 5; i++) CHECK(is_spec(get(fd), 0, 0));
    CHECK(is_ready(fd));
    CHECK(read_count(fd) == 1);
    CHECK(is_spec(get(fd), 0, 0));
    close(fd);
}

static void gettime_of_a_periodic_timer_returns_the_time_to_the_next_period(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    int64_t interval = 3 * MS, t0 = now_ns(CLOCK_MONOTONIC) - 5 * interval - MS, sum = 0;
    int64_t late = set_at(fd, t0, interval);
    for (i = 0; i < 200; i++) {
        int64_t before, left, after;
        if (i % 20 == 0) {
            sum += (int64_t)take(fd);
            CHECK_BETWEEN(6, sum, due(now_ns(CLOCK_MONOTONIC), t0, interval));
        }
        before = now_ns(CLOCK_MONOTONIC), left = remaining(fd), after = now_ns(CLOCK_MONOTONIC);
        CHECK_BETWEEN(0, left, interval);
        if (left != 0) check_phase(before, left, after, t0, interval, late);
        sleep_ns(100 * US);
    }
    check_sums(fd, CLOCK_MONOTONIC, t0, interval, sum);
    close(fd);
}

static void an_expired_periodic_timer_never_reports_zero(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    for (i = 0; i < 50; i++) {
        set(fd, 0, 1, SECOND);
        until_ready(fd);
        CHECK_BETWEEN(1, remaining(fd), SECOND);
        CHECK(take(fd) >= 1);
        CHECK_BETWEEN(1, remaining(fd), SECOND);
    }
    close(fd);
}

int main(void)
{
    gettime_checks_the_descriptor_before_the_pointer();
    gettime_refuses_bad_pointers();
    gettime_returns_relative_times(0);
    gettime_returns_relative_times(TFD_TIMER_ABSTIME);
    an_expired_oneshot_timer_reports_zero();
    gettime_of_a_periodic_timer_returns_the_time_to_the_next_period();
    an_expired_periodic_timer_never_reports_zero();
    return 0;
}
