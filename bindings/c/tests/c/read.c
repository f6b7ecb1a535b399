/* Raw read(2) of a timer: its result, when it would block, and that no expiration is lost or read
   twice. */
#include "check.h"

#include <sys/uio.h>

static void a_read_returns_eight_bytes_into_any_larger_buffer(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    unsigned char buffer[64];
    uint64_t count;
    size_t i;
    memset(buffer, 0xa5, sizeof buffer);
    set(fd, 0, 1, 0);
    until_ready(fd);
    CHECK(read(fd, buffer, sizeof buffer) == 8);
    memcpy(&count, buffer, sizeof count);
    CHECK(count == 1);
    for (i = 8; i < sizeof buffer; i++) CHECK(buffer[i] == 0xa5);
    close(fd);
}

static void a_oneshot_expiration_is_read_once(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    uint64_t count;
    check_empty(fd);
    for (i = 0; i < 50; i++) {
        set(fd, 0, (i % 5) * 100 * US + 1, 0);
        until_ready(fd);
        CHECK(read_count(fd) == 1);
        check_empty(fd);
    }
    sleep_ns(3 * MS);
    CHECK_FAILS(read(fd, &count, sizeof count), EAGAIN);
    close(fd);
}

static void a_nonblocking_read_fails_until_the_expiration(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int64_t expires = now_ns(CLOCK_MONOTONIC) + 10 * MS, after;
    uint64_t count = 77;
    ssize_t n;
    set(fd, TFD_TIMER_ABSTIME, expires, 0);
    do {
        errno = 0;
        n = read(fd, &count, sizeof count);
        after = now_ns(CLOCK_MONOTONIC);
        CHECK(n == 8 || (n == -1 && errno == EAGAIN && count == 77));
    } while (n == -1);
    CHECK(after >= expires);
    CHECK(count == 1);
    close(fd);
}

static void a_blocking_read_waits_for_the_expiration(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, 0), i;
    for (i = 0; i < 10; i++) {
        int64_t expires = now_ns(CLOCK_MONOTONIC) + MS;
        set(fd, TFD_TIMER_ABSTIME, expires, 0);
        CHECK(read_count(fd) == 1);
        CHECK(now_ns(CLOCK_MONOTONIC) >= expires);
    }
    close(fd);
}

/* Missed periods come as one count. The sum of the counts has every period, and none twice. */
static void counts_add_up_exactly(int64_t interval, int flags)
{
    int fd = new_timer(CLOCK_MONOTONIC, flags), i;
    int64_t t0 = now_ns(CLOCK_MONOTONIC) + interval, sum = 0;
    set(fd, TFD_TIMER_ABSTIME, t0, interval);
    for (i = 0; i < 30; i++) {
        if (i % 3 == 0) sleep_ns((i % 7) * MS / 2);
        sum += (int64_t)take(fd);
        CHECK_BETWEEN(1, sum, due(now_ns(CLOCK_MONOTONIC), t0, interval));
    }
    sleep_ns(10 * MS);
    sum = check_sums(fd, CLOCK_MONOTONIC, t0, interval, sum);
    CHECK_BETWEEN(30, sum, INT64_MAX);
    close(fd);
}

static void a_disarmed_periodic_timer_has_nothing_to_read(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    set(fd, 0, 1, 100 * US);
    take(fd);
    set(fd, 0, 0, 0);
    check_empty(fd);
    sleep_ns(2 * MS);
    check_empty(fd);
    close(fd);
}

static void a_timer_has_no_file_position(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    uint64_t count = 0;
    struct iovec place;
    place.iov_base = &count;
    place.iov_len = sizeof count;
    set(fd, 0, 1, 0);
    until_ready(fd);
    CHECK_FAILS(pread(fd, &count, sizeof count, 0), ESPIPE);
    /* Some systems check the position first, and some whether the descriptor is writable. */
    CHECK(pwrite(fd, &count, sizeof count, 0) == -1 && (errno == ESPIPE || errno == EBADF));
#ifdef __linux__
    CHECK_FAILS(pwrite(fd, &count, sizeof count, 0), ESPIPE);
    CHECK_FAILS(preadv(fd, &place, 1, 0), ESPIPE);
    CHECK(preadv2(fd, &place, 1, -1, 0) == 8 && count == 1);
    check_empty(fd);
    set(fd, 0, 1, 0);
    until_ready(fd);
    count = 0;
#endif
    CHECK(readv(fd, &place, 1) == 8 && count == 1);
    check_empty(fd);
    close(fd);
}

static void the_blocking_mode_can_be_changed_at_any_time(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, 0), mode = fcntl(fd, F_GETFL);
    uint64_t count;
    CHECK(mode != -1 && !(mode & O_NONBLOCK));
    CHECK(fcntl(fd, F_SETFL, mode | O_NONBLOCK) == 0);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    CHECK_FAILS(read(fd, &count, sizeof count), EAGAIN);
    set(fd, 0, FAR, 0);
    CHECK_FAILS(read(fd, &count, sizeof count), EAGAIN);
    CHECK(fcntl(fd, F_SETFL, mode) == 0);
    CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    set(fd, 0, MS, 0);
    CHECK(read_count(fd) == 1);
    close(fd);
}

int main(void)
{
    a_read_returns_eight_bytes_into_any_larger_buffer();
    a_oneshot_expiration_is_read_once();
    a_nonblocking_read_fails_until_the_expiration();
    a_blocking_read_waits_for_the_expiration();
    counts_add_up_exactly(MS, TFD_NONBLOCK);
    counts_add_up_exactly(MS, 0);
    counts_add_up_exactly(130 * US, TFD_NONBLOCK);
    a_disarmed_periodic_timer_has_nothing_to_read();
    a_timer_has_no_file_position();
    the_blocking_mode_can_be_changed_at_any_time();
    return 0;
}
