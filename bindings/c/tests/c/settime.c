/* timerfd_settime: the order of errors, valid arguments, and the effect on the previous setting. */
#include "check.h"

#include <limits.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

static struct itimerspec raw(time_t value, long value_ns, time_t interval, long interval_ns)
{
    struct itimerspec s;
    memset(&s, 0, sizeof s);
    s.it_value.tv_sec = value;
    s.it_value.tv_nsec = value_ns;
    s.it_interval.tv_sec = interval;
    s.it_interval.tv_nsec = interval_ns;
    return s;
}

static void settime_checks_pointers_first(void)
{
    CHECK_FAILS(timerfd_settime(-1, 42, NULL, NULL), EFAULT);
#ifdef __linux__
    {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        char *none = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
        CHECK(none != MAP_FAILED);
        CHECK_FAILS(timerfd_settime(-1, 42, (struct itimerspec *)(void *)none, NULL), EFAULT);
        CHECK_FAILS(timerfd_settime(fd, 0, (struct itimerspec *)(void *)none, NULL), EFAULT);
        CHECK_FAILS(timerfd_settime(fd, 0, (struct itimerspec *)-1L, NULL), EFAULT);
        CHECK_FAILS(timerfd_settime(fd, 0, NULL, (struct itimerspec *)-1L), EFAULT);
        CHECK(is_spec(get(fd), 0, 0));
        close(fd);
        munmap(none, page);
    }
#endif
}

static void settime_checks_flags_and_values_before_the_descriptor(void)
{
    struct itimerspec good = spec(FAR, 0), bad = raw(1, 1000000000, 0, 0);
    int closed = new_timer(CLOCK_MONOTONIC, 0);
    CHECK(close(closed) == 0);
    CHECK_FAILS(timerfd_settime(-1, 42, &good, NULL), EINVAL);
    CHECK_FAILS(timerfd_settime(-1, 0, &bad, NULL), EINVAL);
    CHECK_FAILS(timerfd_settime(-1, 0, &good, NULL), EBADF);
    CHECK_FAILS(timerfd_settime(INT_MAX, 0, &good, NULL), EBADF);
    CHECK_FAILS(timerfd_settime(closed, 0, &good, NULL), EBADF);
    CHECK_FAILS(timerfd_settime(closed, 42, &good, NULL), EINVAL);
    CHECK_FAILS(timerfd_settime(closed, 0, &bad, NULL), EINVAL);
}

static void settime_refuses_other_descriptors(void)
{
    struct itimerspec good = spec(FAR, 0), old = spec(7, 7);
    int ends[2], null = open("/dev/null", O_RDWR);
    CHECK(null >= 0 && pipe(ends) == 0);
    CHECK_FAILS(timerfd_settime(null, 0, &good, &old), EINVAL);
    CHECK_FAILS(timerfd_settime(ends[0], 0, &good, &old), EINVAL);
    CHECK_FAILS(timerfd_settime(ends[1], 0, &good, &old), EINVAL);
#ifdef __linux__
    {
        int epoll = epoll_create1(0), path = open("/", O_PATH);
        CHECK(epoll >= 0 && path >= 0);
        CHECK_FAILS(timerfd_settime(epoll, 0, &good, &old), EINVAL);
        CHECK_FAILS(timerfd_settime(path, 0, &good, &old), EBADF);
        close(epoll), close(path);
    }
#endif
    CHECK(is_spec(old, 7, 7));
    CHECK(polled(ends[0], POLLIN, 0) == 0);
    close(null), close(ends[0]), close(ends[1]);
}

static void settime_checks_the_values(void)
{
    static const struct { time_t value; long value_ns; time_t interval; long interval_ns; int valid; } table[] = {
        {0, 0, 0, 0, 1}, {1, 999999999, 1, 999999999, 1}, {0, 1, 0, 1, 1}, {1, 0, 0, 0, 1},
        {1, 1000000000, 0, 0, 0}, {1, -1, 0, 0, 0}, {-1, 0, 0, 0, 0}, {-1, 999999999, 0, 0, 0},
        {1, 0, 0, 1000000000, 0}, {1, 0, 0, -1, 0}, {1, 0, -1, 0, 0}, {0, 0, 0, 1000000000, 0},
        {0, 0, 0, -1, 0}, {0, 0, -1, 0, 0}, {0, LONG_MAX, 0, 0, 0}, {0, LONG_MIN, 0, 0, 0},
    };
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), flags;
    size_t i;
    for (i = 0; i < COUNT_OF(table); i++)
        for (flags = 0; flags <= TFD_TIMER_ABSTIME; flags += TFD_TIMER_ABSTIME) {
            struct itimerspec s = raw(table[i].value, table[i].value_ns, table[i].interval, table[i].interval_ns);
            if (table[i].valid)
                CHECK_OK(timerfd_settime(fd, flags, &s, NULL));
            else
                CHECK_FAILS(timerfd_settime(fd, flags, &s, NULL), EINVAL);
        }
    close(fd);
}

static void settime_accepts_two_flags(void)
{
    int real = new_timer(CLOCK_REALTIME, TFD_NONBLOCK), mono = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), bit, flags;
    struct itimerspec s = spec(1, 0);
    for (bit = 2; bit < 32; bit++) {
        CHECK_FAILS(timerfd_settime(mono, (int)(1u << bit), &s, NULL), EINVAL);
        CHECK_FAILS(timerfd_settime(mono, (int)(1u << bit) | TFD_TIMER_ABSTIME, &s, NULL), EINVAL);
    }
    for (flags = 0; flags <= (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET); flags++) {
        set(real, flags, 1, 0), until_ready(real);
        CHECK(read_count(real) == 1);
        set(mono, flags, 1, 0), until_ready(mono);
        CHECK(read_count(mono) == 1);
    }
    close(real), close(mono);
}

static void settime_sets_the_timer_before_it_refuses_old_value(void)
{
#ifdef __linux__
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *places[3];
    struct itimerspec far = spec(FAR, 5 * SECOND), none = spec(0, 0);
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    size_t i;
    CHECK(two != MAP_FAILED && mprotect(two + page, page, PROT_NONE) == 0);
    places[0] = two + page;
    places[1] = two + page - sizeof far / 2;
    places[2] = (char *)-1L;
    for (i = 0; i < COUNT_OF(places); i++) {
        CHECK_OK(timerfd_settime(fd, 0, &none, NULL));
        CHECK_FAILS(timerfd_settime(fd, 0, &far, (struct itimerspec *)(void *)places[i]), EFAULT);
        CHECK_BETWEEN(1, remaining(fd), FAR);
        CHECK(to_ns(get(fd).it_interval) == 5 * SECOND);
    }
    CHECK(mprotect(two, page, PROT_READ) == 0);
    CHECK_FAILS(timerfd_settime(fd, 0, &none, (struct itimerspec *)(void *)two), EFAULT);
    CHECK(is_spec(get(fd), 0, 0));
    close(fd), munmap(two, 2 * page);
#endif
}

static void new_and_old_may_be_the_same_object(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec both = spec(FAR, 3 * SECOND);
    CHECK_OK(timerfd_settime(fd, 0, &both, &both));
    CHECK(is_spec(both, 0, 0));
    CHECK_OK(timerfd_settime(fd, 0, &both, &both));
    CHECK_BETWEEN(1, to_ns(both.it_value), FAR);
    CHECK(to_ns(both.it_interval) == 3 * SECOND);
    CHECK(is_spec(get(fd), 0, 0));
    close(fd);
}

static void a_failed_settime_changes_nothing(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec bad = raw(1, 1000000000, 0, 0), far = spec(FAR, 0), old = spec(7, 7);
    set(fd, 0, 1, 0);
    until_ready(fd);
    CHECK_FAILS(timerfd_settime(fd, 0, &bad, &old), EINVAL);
    CHECK_FAILS(timerfd_settime(fd, 42, &far, &old), EINVAL);
    CHECK(is_spec(old, 7, 7));
    CHECK(is_ready(fd));
    CHECK(read_count(fd) == 1);
    set(fd, 0, FAR, 5 * SECOND);
    CHECK_FAILS(timerfd_settime(fd, 0, &bad, &old), EINVAL);
    CHECK(is_spec(old, 7, 7));
    CHECK_BETWEEN(FAR / 2, remaining(fd), FAR);
    CHECK(to_ns(get(fd).it_interval) == 5 * SECOND);
    close(fd);
}

static void zero_disarms_and_keeps_the_interval(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), flags;
    for (flags = 0; flags <= TFD_TIMER_ABSTIME; flags += TFD_TIMER_ABSTIME) {
        struct itimerspec next = spec(0, 3 * MS), old;
        set(fd, 0, FAR, 0);
        CHECK_OK(timerfd_settime(fd, flags, &next, NULL));
        CHECK(is_spec(get(fd), 0, 3 * MS));
        sleep_ns(10 * MS);
        check_empty(fd);
        CHECK_OK(timerfd_settime(fd, flags, &next, &old));
        CHECK(is_spec(old, 0, 3 * MS));
    }
    close(fd);
}

int main(void)
{
    settime_checks_pointers_first();
    settime_checks_flags_and_values_before_the_descriptor();
    settime_refuses_other_descriptors();
    settime_checks_the_values();
    settime_accepts_two_flags();
    settime_sets_the_timer_before_it_refuses_old_value();
    new_and_old_may_be_the_same_object();
    a_failed_settime_changes_nothing();
    zero_disarms_and_keeps_the_interval();
    return 0;
}
