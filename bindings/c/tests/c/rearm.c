/* timerfd_settime around an expiration: nothing of the old setting remains, and timers are never
   early and do not drift. */
#include "check.h"

static void settime_discards_unread_expirations(void)
{
    static const int64_t next[][2] = {{FAR, 0}, {FAR, 1}, {0, 0}, {0, 1}};
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    size_t i;
    int64_t interval;
    for (i = 0; i < COUNT_OF(next); i++)
        for (interval = 0; interval <= MS; interval += MS) {
            set(fd, 0, 1, interval);
            until_ready(fd);
            set(fd, 0, next[i][0], next[i][1]);
            check_empty(fd);
        }
    close(fd);
}

static void no_expiration_of_the_old_setting_comes_after_settime(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    for (i = 0; i < 4000; i++) {
        int64_t moment = now_ns(CLOCK_MONOTONIC) + (i % 150) * US;
        set(fd, 0, (1 + i % 97) * US, (i & 1) * 50 * US);
        while (now_ns(CLOCK_MONOTONIC) < moment) continue;
        set(fd, 0, FAR, 0);
        check_empty(fd);
    }
    sleep_ns(5 * MS);
    check_empty(fd);
    close(fd);
}

static void old_value_is_the_remaining_time(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec far = spec(FAR, 5 * SECOND), soon = spec(1, 0), old;
    int64_t before = now_ns(CLOCK_MONOTONIC), set_by, asked, after;
    CHECK_OK(timerfd_settime(fd, 0, &far, &old));
    CHECK(is_spec(old, 0, 0));
    set_by = now_ns(CLOCK_MONOTONIC);
    sleep_ns(2 * MS);
    asked = now_ns(CLOCK_MONOTONIC);
    CHECK_OK(timerfd_settime(fd, 0, &soon, &old));
    after = now_ns(CLOCK_MONOTONIC);
    CHECK_BETWEEN(before + FAR - after, to_ns(old.it_value), set_by + FAR - asked);
    CHECK(to_ns(old.it_interval) == 5 * SECOND);
    until_ready(fd);
    CHECK_OK(timerfd_settime(fd, 0, &soon, &old));
    CHECK(is_spec(old, 0, 0));
    until_ready(fd);
    CHECK(read_count(fd) == 1);
    CHECK_OK(timerfd_settime(fd, 0, &soon, &old));
    CHECK(is_spec(old, 0, 0));
    close(fd);
}

static void old_value_of_a_periodic_timer_is_the_time_to_the_next_period(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int64_t interval = 30 * MS, t0 = now_ns(CLOCK_MONOTONIC), before, after, late;
    struct itimerspec far = spec(FAR, 0), old;
    late = set_at(fd, t0, interval);
    until_ready(fd);
    sleep_ns(interval + interval / 3);
    before = now_ns(CLOCK_MONOTONIC);
    CHECK_OK(timerfd_settime(fd, 0, &far, &old));
    after = now_ns(CLOCK_MONOTONIC);
    CHECK(to_ns(old.it_interval) == interval);
    CHECK_BETWEEN(1, to_ns(old.it_value), interval);
    check_phase(before, to_ns(old.it_value), after, t0, interval, late);
    check_empty(fd);
    close(fd);
}

static void never_early_on(clockid_t clock, int flags)
{
    int fd = new_timer(clock, TFD_NONBLOCK), i;
    clockid_t judge = flags ? clock : CLOCK_MONOTONIC;
    for (i = 0; i < 40; i++) {
        int64_t value = (i * 37 % 100) * 10 * US + 1, earliest = now_ns(judge) + value;
        set(fd, flags, flags ? earliest : value, 0);
        until_ready(fd);
        CHECK_BETWEEN(earliest, now_ns(judge), INT64_MAX);
        CHECK(read_count(fd) == 1);
        check_empty(fd);
    }
    close(fd);
}

#ifdef HAS_BOOTTIME
/* Whether timers have this clock. create.c checks which ones they must have. */
static int is_supported(clockid_t clock)
{
    int fd = timerfd_create(clock, 0);
    CHECK(fd >= 0 || errno == EINVAL);
    return fd >= 0 && close(fd) == 0;
}
#endif

static void timers_are_never_early(void)
{
    never_early_on(CLOCK_MONOTONIC, 0);
    never_early_on(CLOCK_MONOTONIC, TFD_TIMER_ABSTIME);
    never_early_on(CLOCK_REALTIME, 0);
    never_early_on(CLOCK_REALTIME, TFD_TIMER_ABSTIME);
#ifdef HAS_BOOTTIME
    if (!is_supported(CLOCK_BOOTTIME)) return;
    never_early_on(CLOCK_BOOTTIME, 0);
    never_early_on(CLOCK_BOOTTIME, TFD_TIMER_ABSTIME);
#endif
}

static void periods_do_not_drift(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    int64_t interval = 2 * MS + 17, t0 = now_ns(CLOCK_MONOTONIC) + MS, sum = 0;
    set(fd, TFD_TIMER_ABSTIME, t0, interval);
    for (i = 0; i < 60; i++) {
        sum += (int64_t)take(fd);
        CHECK_BETWEEN(1, sum, due(now_ns(CLOCK_MONOTONIC), t0, interval));
        if (i % 20 == 19) sleep_ns(9 * MS);
    }
    check_sums(fd, CLOCK_MONOTONIC, t0, interval, sum);
    close(fd);
}

static void a_time_in_the_past_expires_at_once(void)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
    size_t i;
    for (i = 0; i < COUNT_OF(clocks); i++) {
        int fd = new_timer(clocks[i], 0);
        uint64_t count;
        set(fd, TFD_TIMER_ABSTIME, now_ns(clocks[i]), 0);
        CHECK(read(fd, &count, sizeof count) == 8 && count == 1);
        set(fd, TFD_TIMER_ABSTIME, 1, 0);
        CHECK(read(fd, &count, sizeof count) == 8 && count == 1);
        set(fd, 0, 1, 0);
        CHECK(read(fd, &count, sizeof count) == 8 && count == 1);
        close(fd);
    }
}

int main(void)
{
    settime_discards_unread_expirations();
    no_expiration_of_the_old_setting_comes_after_settime();
    old_value_is_the_remaining_time();
    old_value_of_a_periodic_timer_is_the_time_to_the_next_period();
    timers_are_never_early();
    periods_do_not_drift();
    a_time_in_the_past_expires_at_once();
    return 0;
}
