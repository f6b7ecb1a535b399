/* Times in the distant past, times beyond the range, and intervals of one nanosecond. */
#include "check.h"

#include <limits.h>

#define END INT64_MAX

static struct itimerspec huge(int64_t value_s, long value_ns, int64_t interval_s, long interval_ns)
{
    struct itimerspec s;
    memset(&s, 0, sizeof s);
    s.it_value.tv_sec = (time_t)value_s;
    s.it_value.tv_nsec = value_ns;
    s.it_interval.tv_sec = (time_t)interval_s;
    s.it_interval.tv_nsec = interval_ns;
    return s;
}

static void read_counts_periods_in_the_past(clockid_t clock)
{
    static const int64_t table[][2] = {{1000 * SECOND, SECOND}, {1050 * MS, 100 * MS}, {0, 100 * MS}, {0, FAR}};
    int fd = new_timer(clock, TFD_NONBLOCK);
    size_t i;
    for (i = 0; i < COUNT_OF(table); i++) {
        int64_t interval = table[i][1], before = now_ns(clock), t0 = before - table[i][0], sum;
        if (t0 <= 0) continue;
        set(fd, TFD_TIMER_ABSTIME, t0, interval);
        sum = (int64_t)take(fd);
        CHECK_BETWEEN(due(before, t0, interval), sum, due(now_ns(clock), t0, interval));
        check_sums(fd, clock, t0, interval, sum);
    }
    set(fd, TFD_TIMER_ABSTIME, 1, 0);
    until_ready(fd);
    CHECK(read_count(fd) == 1);
    check_empty(fd);
    close(fd);
}

static void read_counts_periods_of_one_nanosecond(clockid_t clock)
{
    int fd = new_timer(clock, TFD_NONBLOCK), i;
    int64_t before = now_ns(clock), sum;
    set(fd, TFD_TIMER_ABSTIME, 1, 1);
    sum = (int64_t)take(fd);
    CHECK_BETWEEN(before, sum, now_ns(clock));
    for (i = 0; i < 5; i++) {
        sleep_ns(300 * US);
        sum = check_sums(fd, clock, 1, 1, sum);
    }
    CHECK_BETWEEN(1, remaining(fd) + 1, 2);
    set(fd, 0, 0, 0);
    check_empty(fd);
    close(fd);
}

static void small_intervals_lose_no_expirations(int64_t interval)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    int64_t t0 = now_ns(CLOCK_MONOTONIC), sum = 0;
    set(fd, TFD_TIMER_ABSTIME, t0, interval);
    for (i = 0; i < 20; i++) {
        if (i % 5 == 0) sleep_ns(MS);
        sum = check_sums(fd, CLOCK_MONOTONIC, t0, interval, sum);
    }
    close(fd);
}

/* The remaining time until the end of the range, measured between two readings of the clock. */
static void check_until_end(int64_t before, int64_t left, int64_t after)
{
    /* Each clock has its own end of the range. */
    if (has_two_clocks()) CHECK_BETWEEN(END / 2, left, END);
    else CHECK_BETWEEN(END - after, left, END - before);
}

static void times_beyond_the_range_saturate(clockid_t clock)
{
    static const struct { int64_t seconds; long ns; } far[] = {
        {INT64_C(9223372036), 854775807}, {INT64_C(9223372037), 0}, {INT64_MAX, 999999999}, {INT64_MAX, 0},
    };
    int fd = new_timer(clock, TFD_NONBLOCK), flags;
    size_t i;
    for (i = 0; i < COUNT_OF(far); i++)
        for (flags = 0; flags <= TFD_TIMER_ABSTIME; flags += TFD_TIMER_ABSTIME) {
            struct itimerspec s = huge(far[i].seconds, far[i].ns, far[i].seconds, far[i].ns);
            clockid_t judge = flags ? clock : CLOCK_MONOTONIC;
            int64_t before, left, after;
            CHECK_OK(timerfd_settime(fd, flags, &s, NULL));
            before = now_ns(judge), left = remaining(fd), after = now_ns(judge);
            check_until_end(before, left, after);
            CHECK(to_ns(get(fd).it_interval) == END);
            check_empty(fd);
        }
    close(fd);
}

static void a_saturated_interval_gives_one_expiration(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    for (i = 0; i < 3; i++) {
        struct itimerspec s = huge(0, 1000, INT64_MAX, 0);
        int64_t before, after, left;
        CHECK_OK(timerfd_settime(fd, i == 2 ? TFD_TIMER_ABSTIME : 0, &s, NULL));
        until_ready(fd);
        if (i == 1) CHECK(remaining(fd) > 0);
        CHECK(read_count(fd) == 1);
        check_empty(fd);
        before = now_ns(CLOCK_MONOTONIC), left = remaining(fd), after = now_ns(CLOCK_MONOTONIC);
        check_until_end(before, left, after);
        CHECK(to_ns(get(fd).it_interval) == END);
    }
    close(fd);
}

static void a_time_a_century_ahead_is_kept(void)
{
    int fd = new_timer(CLOCK_REALTIME, TFD_NONBLOCK);
    struct itimerspec s = huge(INT64_C(3155760000), 5, 0, 0), old;
    int64_t before = now_ns(CLOCK_MONOTONIC), after;
    CHECK_OK(timerfd_settime(fd, 0, &s, NULL));
    CHECK_OK(timerfd_settime(fd, 0, &s, &old));
    after = now_ns(CLOCK_MONOTONIC);
    CHECK_BETWEEN(to_ns(s.it_value) - (after - before), to_ns(old.it_value), to_ns(s.it_value));
    check_empty(fd);
    close(fd);
}

int main(void)
{
    read_counts_periods_in_the_past(CLOCK_MONOTONIC);
    read_counts_periods_in_the_past(CLOCK_REALTIME);
    read_counts_periods_of_one_nanosecond(CLOCK_MONOTONIC);
    read_counts_periods_of_one_nanosecond(CLOCK_REALTIME);
    small_intervals_lose_no_expirations(1);
    small_intervals_lose_no_expirations(100);
    small_intervals_lose_no_expirations(10 * US);
    if (sizeof(time_t) < 8) return 0;
    times_beyond_the_range_saturate(CLOCK_MONOTONIC);
    times_beyond_the_range_saturate(CLOCK_REALTIME);
    a_saturated_interval_gives_one_expiration();
    a_time_a_century_ahead_is_kept();
    return 0;
}
