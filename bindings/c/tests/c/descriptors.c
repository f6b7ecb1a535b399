/* Duplicates of a timer's descriptor, closed and reused numbers, and timers in forked children. */
#include "check.h"

#include <sys/wait.h>

static void duplicates_share_the_timer(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, 0), copies[3], i;
    uint64_t count;
    copies[0] = dup(fd);
    copies[1] = dup2(fd, open("/dev/null", O_RDONLY));
    copies[2] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    for (i = 0; i < 3; i++) {
        int mode = fcntl(fd, F_GETFL);
        CHECK(copies[i] >= 0);
        set(copies[i], 0, FAR, 5 * SECOND);
        CHECK_BETWEEN(1, remaining(fd), FAR);
        CHECK(to_ns(get(fd).it_interval) == 5 * SECOND);
        set(fd, 0, 1, 0);
        until_ready(copies[i]);
        CHECK(remaining(copies[i]) == 0);
        CHECK(read_count(copies[i]) == 1);
        CHECK(!is_ready(fd));
        CHECK(fcntl(copies[i], F_SETFL, mode | O_NONBLOCK) == 0);
        CHECK_FAILS(read(fd, &count, sizeof count), EAGAIN);
        CHECK(fcntl(fd, F_SETFL, mode) == 0);
        CHECK(!(fcntl(copies[i], F_GETFL) & O_NONBLOCK));
    }
    CHECK(fcntl(copies[2], F_GETFD) == FD_CLOEXEC);
    CHECK(close(fd) == 0);
    for (i = 0; i < 3; i++) {
        set(copies[i], 0, MS, 0);
        CHECK(read_count(copies[i]) == 1);
        CHECK(close(copies[i]) == 0);
    }
}

static void calls_on_a_closed_descriptor_fail(void)
{
    struct itimerspec s = spec(FAR, 0);
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), null, ends[2];
    set(fd, 0, FAR, 0);
    CHECK(close(fd) == 0);
    CHECK_FAILS(timerfd_settime(fd, 0, &s, NULL), EBADF);
    CHECK_FAILS(timerfd_gettime(fd, &s), EBADF);
    null = open("/dev/null", O_RDONLY);
    CHECK(dup2(null, fd) == fd);
    CHECK_FAILS(timerfd_settime(fd, 0, &s, NULL), EINVAL);
    CHECK_FAILS(timerfd_gettime(fd, &s), EINVAL);
    CHECK(pipe(ends) == 0 && dup2(ends[0], fd) == fd);
    CHECK_FAILS(timerfd_settime(fd, 0, &s, NULL), EINVAL);
    CHECK_FAILS(timerfd_gettime(fd, &s), EINVAL);
    if (null != fd) close(null);
    close(ends[0]), close(ends[1]), close(fd);
}

static void a_timer_keeps_its_identity_when_its_descriptor_moves(void)
{
    int first = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), moved = dup(first), second;
    CHECK(moved >= 0);
    set(first, 0, FAR, 3 * SECOND);
    second = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK(dup2(second, first) == first && close(second) == 0);
    second = first;
    CHECK(is_spec(get(second), 0, 0));
    CHECK(to_ns(get(moved).it_interval) == 3 * SECOND);
    set(second, 0, FAR / 10, 4 * SECOND);
    CHECK_BETWEEN(FAR / 2, remaining(moved), FAR);
    CHECK_BETWEEN(1, remaining(second), FAR / 10);
    set(moved, 0, MS, 0);
    CHECK(take(moved) == 1);
    CHECK(!is_ready(second));
    CHECK(to_ns(get(second).it_interval) == 4 * SECOND);
    CHECK(close(moved) == 0);
    CHECK_BETWEEN(1, remaining(second), FAR / 10);
    CHECK(close(second) == 0);
}

static void the_last_close_ends_the_timer(void)
{
    int i;
    for (i = 0; i < 50; i++) {
        int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), copy = dup(fd), fresh;
        set(fd, 0, 100 * US, 100 * US);
        CHECK(close(fd) == 0);
        take(copy);
        CHECK(close(copy) == 0);
        fresh = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
        CHECK(is_spec(get(fresh), 0, 0));
        check_empty(fresh);
        CHECK(close(fresh) == 0);
    }
}

static int exit_status_of(pid_t child)
{
    int status;
    CHECK(child != -1 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_read_in_a_child_consumes_the_expirations(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    pid_t child;
    set(fd, 0, 10 * MS, 0);
    child = fork();
    if (child == 0) _exit(take(fd) == 1 && !is_ready(fd) ? 7 : 1);
    CHECK(exit_status_of(child) == 7);
    CHECK(!is_ready(fd));
    set(fd, 0, MS, 0);
    CHECK(read_count(fd) == 1);
    close(fd);
}

static void a_child_that_closes_or_exits_does_not_affect_the_parent(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), how;
    int64_t t0 = now_ns(CLOCK_MONOTONIC), sum = 0;
    set(fd, TFD_TIMER_ABSTIME, t0, MS);
    for (how = 0; how < 3; how++) {
        pid_t child = fork();
        if (child == 0) {
            if (how > 0) close(fd);
            if (how == 1) _exit(7);
            exit(7);
        }
        CHECK(exit_status_of(child) == 7);
        sum = check_sums(fd, CLOCK_MONOTONIC, t0, MS, sum);
    }
    close(fd);
}

static void a_child_can_create_its_own_timers(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    pid_t child;
    set(fd, 0, 1, 5 * MS);
    take(fd);
    child = fork();
    if (child == 0) {
        int own = new_timer(CLOCK_MONOTONIC, 0), i;
        for (i = 0; i < 5; i++) {
            int64_t expires = now_ns(CLOCK_MONOTONIC) + MS;
            set(own, TFD_TIMER_ABSTIME, expires, 0);
            CHECK(read_count(own) == 1 && now_ns(CLOCK_MONOTONIC) >= expires);
        }
        exit(close(own) == 0 ? 7 : 1);
    }
    CHECK(exit_status_of(child) == 7);
    take(fd);
    close(fd);
}

int main(void)
{
    duplicates_share_the_timer();
    calls_on_a_closed_descriptor_fail();
    a_timer_keeps_its_identity_when_its_descriptor_moves();
    the_last_close_ends_the_timer();
    a_read_in_a_child_consumes_the_expirations();
    a_child_that_closes_or_exits_does_not_affect_the_parent();
    a_child_can_create_its_own_timers();
    return 0;
}
