/* epoll on timers: level-triggered, edge-triggered and one-shot; after dup and close. Linux
   only. */
#include "check.h"

#ifdef __linux__
#include <sys/epoll.h>

static int new_set(void)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    CHECK(set >= 0);
    return set;
}

static void control(int set, int operation, int fd, uint32_t events)
{
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = events;
    event.data.fd = fd;
    CHECK(epoll_ctl(set, operation, fd, &event) == 0);
}

/* The number of events within `timeout` milliseconds. All must be of that descriptor. */
static int events_of(int set, int fd, int timeout)
{
    struct epoll_event events[4];
    int n, i;
    do n = epoll_pwait(set, events, 4, timeout, NULL);
    while (n == -1 && errno == EINTR);
    CHECK(n >= 0);
    for (i = 0; i < n; i++) CHECK(events[i].events == EPOLLIN && events[i].data.fd == fd);
    return n;
}

static void level_triggered_events_last_until_a_read(void)
{
    int set_of = new_set(), fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    control(set_of, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLPRI);
    CHECK(events_of(set_of, fd, 0) == 0);
    set(fd, 0, MS, 0);
    CHECK(events_of(set_of, fd, -1) == 1);
    CHECK(events_of(set_of, fd, 0) == 1);
    CHECK(read_count(fd) == 1);
    CHECK(events_of(set_of, fd, 0) == 0);
    set(fd, 0, 1, 0);
    until_ready(fd);
    set(fd, 0, 0, 0);
    CHECK(events_of(set_of, fd, 5) == 0);
    close(fd), close(set_of);
}

static void level_triggered_reads_count_every_period(void)
{
    int set_of = new_set(), fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    int64_t t0 = now_ns(CLOCK_MONOTONIC) + MS, sum = 0;
    control(set_of, EPOLL_CTL_ADD, fd, EPOLLIN);
    set(fd, TFD_TIMER_ABSTIME, t0, MS);
    for (i = 0; i < 20; i++) {
        CHECK(events_of(set_of, fd, -1) == 1);
        sum += (int64_t)take(fd);
        CHECK_BETWEEN(1, sum, due(now_ns(CLOCK_MONOTONIC), t0, MS));
    }
    check_sums(fd, CLOCK_MONOTONIC, t0, MS, sum);
    close(fd), close(set_of);
}

static void an_expiration_gives_one_edge(void)
{
    int set_of = new_set(), fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    set(fd, 0, 1, 0);
    until_ready(fd);
    control(set_of, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET);
    CHECK(events_of(set_of, fd, 0) == 1);
    CHECK(events_of(set_of, fd, 2) == 0);
    control(set_of, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET);
    CHECK(events_of(set_of, fd, 0) == 1);
    CHECK(events_of(set_of, fd, 2) == 0);
    set(fd, 0, MS, 0);
    CHECK(events_of(set_of, fd, -1) == 1);
    CHECK(events_of(set_of, fd, 2) == 0);
    set(fd, 0, 1, 0);
    until_ready(fd);
    set(fd, 0, FAR, 0);
    CHECK(events_of(set_of, fd, 2) == 0);
    close(fd), close(set_of);
}

/* At least one edge follows each read, and reads at each edge return every period. */
static void edge_triggered_reads_count_every_period(void)
{
    int set_of = new_set(), fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    int64_t t0 = now_ns(CLOCK_MONOTONIC) + MS, sum = 0;
    control(set_of, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET);
    set(fd, TFD_TIMER_ABSTIME, t0, MS);
    for (i = 0; i < 20; i++) {
        uint64_t count = 0;
        CHECK(events_of(set_of, fd, -1) == 1);
        if (read(fd, &count, sizeof count) != 8) CHECK(errno == EAGAIN);
        sum += (int64_t)count;
        CHECK_BETWEEN(0, sum, due(now_ns(CLOCK_MONOTONIC), t0, MS));
    }
    check_sums(fd, CLOCK_MONOTONIC, t0, MS, sum);
    close(fd), close(set_of);
}

static void a_oneshot_registration_reports_one_event(void)
{
    int set_of = new_set(), fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    control(set_of, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT);
    set(fd, 0, 1, MS);
    CHECK(events_of(set_of, fd, -1) == 1);
    CHECK(events_of(set_of, fd, 5) == 0);
    take(fd);
    CHECK(events_of(set_of, fd, 5) == 0);
    set(fd, 0, 1, 0);
    until_ready(fd);
    CHECK(events_of(set_of, fd, 0) == 0);
    control(set_of, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT);
    CHECK(events_of(set_of, fd, 0) == 1);
    CHECK(events_of(set_of, fd, 0) == 0);
    close(fd), close(set_of);
}

static void a_set_reports_a_timer_until_the_last_close(void)
{
    int set_of = new_set(), fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), copy = dup(fd);
    struct epoll_event events[4];
    CHECK(copy >= 0);
    control(set_of, EPOLL_CTL_ADD, fd, EPOLLIN);
    control(set_of, EPOLL_CTL_ADD, copy, EPOLLIN);
    set(fd, 0, 1, 0);
    until_ready(fd);
    CHECK(epoll_wait(set_of, events, 4, 0) == 2);
    control(set_of, EPOLL_CTL_DEL, copy, 0);
    CHECK(events_of(set_of, fd, 0) == 1);
    CHECK(close(fd) == 0);
    CHECK(events_of(set_of, fd, 0) == 1);
    CHECK(close(copy) == 0);
    CHECK(events_of(set_of, fd, 0) == 0);
    close(set_of);
}

static void a_nested_set_reports_a_timer(void)
{
    int outer = new_set(), inner = new_set(), fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    control(inner, EPOLL_CTL_ADD, fd, EPOLLIN);
    control(outer, EPOLL_CTL_ADD, inner, EPOLLIN);
    CHECK(events_of(outer, inner, 0) == 0);
    set(fd, 0, MS, 0);
    CHECK(events_of(outer, inner, -1) == 1);
    CHECK(events_of(inner, fd, 0) == 1);
    CHECK(read_count(fd) == 1);
    CHECK(events_of(outer, inner, 0) == 0);
    close(fd), close(inner), close(outer);
}

static int shared_set, shared_fd, awake;
static long ids[4];

static void *wait_once(void *argument)
{
    PUT(*(long *)argument, own_id());
    CHECK(events_of(shared_set, shared_fd, -1) == 1);
    __atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void an_expiration_wakes_all_waiters(void)
{
    pthread_t threads[COUNT_OF(ids)];
    size_t i;
    shared_set = new_set();
    shared_fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    control(shared_set, EPOLL_CTL_ADD, shared_fd, EPOLLIN);
    for (i = 0; i < COUNT_OF(ids); i++) {
        threads[i] = start(wait_once, &ids[i]);
        until_known_and_asleep(&ids[i]);
    }
    CHECK(GET(awake) == 0);
    set(shared_fd, 0, MS, 0);
    for (i = 0; i < COUNT_OF(ids); i++) join(threads[i]);
    CHECK(awake == (int)COUNT_OF(ids));
    close(shared_fd), close(shared_set);
}

int main(void)
{
    level_triggered_events_last_until_a_read();
    level_triggered_reads_count_every_period();
    an_expiration_gives_one_edge();
    edge_triggered_reads_count_every_period();
    a_oneshot_registration_reports_one_event();
    a_set_reports_a_timer_until_the_last_close();
    a_nested_set_reports_a_timer();
    an_expiration_wakes_all_waiters();
    return 0;
}
#else
int main(void)
{
    return 0;
}
#endif
