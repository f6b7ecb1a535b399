/* poll and select on timers: readable and nothing else, as long as there is something to read, for all who wait. */
#include "check.h"

#include <sys/select.h>

struct poller {
    pthread_t thread;
    int fd;
    long id;
    short got;
    int done;
    int64_t end;
};

static void *poll_once(void *argument)
{
    struct poller *poller = argument;
    struct pollfd p;
    p.fd = poller->fd;
    p.events = POLLIN;
    p.revents = 0;
    PUT(poller->id, own_id());
    CHECK(poll(&p, 1, -1) == 1);
    poller->end = now_ns(CLOCK_MONOTONIC);
    poller->got = p.revents;
    PUT(poller->done, 1);
    return NULL;
}

static void start_poller(struct poller *poller, int fd)
{
    poller->fd = fd;
    poller->id = poller->done = 0;
    poller->thread = start(poll_once, poller);
    until_known_and_asleep(&poller->id);
}

static void readable_and_nothing_else(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    short all = POLLIN | POLLPRI | POLLOUT | POLLRDBAND | POLLWRNORM | POLLWRBAND;
    CHECK(polled(fd, all, 0) == 0);
    set(fd, 0, FAR, 0);
    CHECK(polled(fd, all, 0) == 0);
    set(fd, 0, 1, 0);
    CHECK(polled(fd, all, -1) == POLLIN);
    CHECK((polled(fd, all | POLLRDNORM, 0) & ~POLLRDNORM) == POLLIN);
    CHECK(polled(fd, POLLOUT | POLLPRI, 0) == 0);
    CHECK(read_count(fd) == 1);
    CHECK(polled(fd, all, 0) == 0);
    close(fd);
}

static void ready_until_it_is_read(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), i;
    set(fd, 0, 1, 0);
    for (i = 0; i < 20; i++) until_ready(fd);
    CHECK(remaining(fd) == 0);
    CHECK(is_ready(fd));
    CHECK(read_count(fd) == 1);
    CHECK(!is_ready(fd));
    close(fd);
}

static void ready_in_the_read_set_only(void)
{
    int fd = new_timer(CLOCK_REALTIME, TFD_NONBLOCK), i;
    for (i = 0; i < 3; i++) {
        fd_set in, out, except;
        struct timeval none = {0, 0};
        struct timespec for_ever = from_ns(FAR);
        FD_ZERO(&in);
        FD_ZERO(&out);
        FD_ZERO(&except);
        FD_SET(fd, &in);
        FD_SET(fd, &out);
        FD_SET(fd, &except);
        CHECK(select(fd + 1, &in, &out, &except, &none) == 0);
        set(fd, 0, MS, 0);
        FD_SET(fd, &in);
        FD_SET(fd, &out);
        FD_SET(fd, &except);
        CHECK(pselect(fd + 1, &in, &out, &except, &for_ever, NULL) == 1);
        CHECK(FD_ISSET(fd, &in) && !FD_ISSET(fd, &out) && !FD_ISSET(fd, &except));
        CHECK(read_count(fd) == 1);
    }
    close(fd);
}

static void all_pollers_are_woken(void)
{
    struct poller pollers[4];
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int64_t expires;
    size_t i;
    for (i = 0; i < COUNT_OF(pollers); i++) start_poller(&pollers[i], fd);
    expires = now_ns(CLOCK_MONOTONIC) + 5 * MS;
    set(fd, TFD_TIMER_ABSTIME, expires, 0);
    for (i = 0; i < COUNT_OF(pollers); i++) {
        join(pollers[i].thread);
        CHECK((pollers[i].got & ~POLLRDNORM) == POLLIN);
        CHECK(pollers[i].end >= expires);
    }
    CHECK(read_count(fd) == 1);
    close(fd);
}

static void a_poller_stays_when_the_timer_is_disarmed(void)
{
    struct poller poller;
    struct itimerspec never = spec(0, 0), old;
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    set(fd, 0, 40 * MS, 0);
    start_poller(&poller, fd);
    CHECK_OK(timerfd_settime(fd, 0, &never, &old));
    sleep_ns(to_ns(old.it_value) + 10 * MS);
    CHECK(!GET(poller.done) || to_ns(old.it_value) == 0);
    set(fd, 0, 1, 0);
    join(poller.thread);
    CHECK(poller.got == POLLIN);
    close(fd);
}

#ifdef __linux__
/* Whoever polls a number that is closed meanwhile hears of it when the timer expires: it is nobody's number then. */
static void a_poller_of_a_closed_number_returns_at_the_expiration(void)
{
    struct poller poller;
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int64_t expires = now_ns(CLOCK_MONOTONIC) + 60 * MS, closed;
    set(fd, TFD_TIMER_ABSTIME, expires, 0);
    start_poller(&poller, fd);
    CHECK(close(fd) == 0);
    closed = now_ns(CLOCK_MONOTONIC);
    join(poller.thread);
    CHECK(poller.end >= expires);
    CHECK(poller.got == POLLNVAL || closed >= expires);
}
#endif

static void many_are_polled_at_once(void)
{
    enum { TIMERS = 20 };
    struct pollfd all[TIMERS];
    int64_t expires[TIMERS], start = now_ns(CLOCK_MONOTONIC), left = TIMERS;
    int i;
    for (i = 0; i < TIMERS; i++) {
        all[i].fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
        all[i].events = POLLIN;
        expires[i] = start + (i * 7 % TIMERS) * MS / 2;
        set(all[i].fd, TFD_TIMER_ABSTIME, expires[i], 0);
    }
    while (left > 0) {
        CHECK(poll(all, TIMERS, -1) > 0);
        for (i = 0; i < TIMERS; i++) {
            if (all[i].revents == 0) continue;
            CHECK(all[i].revents == POLLIN && now_ns(CLOCK_MONOTONIC) >= expires[i]);
            CHECK(read_count(all[i].fd) == 1 && close(all[i].fd) == 0);
            all[i].fd = -1;
            left--;
        }
    }
}

int main(void)
{
    readable_and_nothing_else();
    ready_until_it_is_read();
    ready_in_the_read_set_only();
    all_pollers_are_woken();
    a_poller_stays_when_the_timer_is_disarmed();
#ifdef __linux__
    a_poller_of_a_closed_number_returns_at_the_expiration();
#endif
    many_are_polled_at_once();
    return 0;
}
