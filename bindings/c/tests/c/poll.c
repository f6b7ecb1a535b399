/* poll and select on timers: readable and no other event, until the count is read, in all waiting
   threads. */
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

static void poll_reports_only_readable(void)
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

static void an_expired_timer_is_readable_until_it_is_read(void)
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

static void select_reports_timers_in_the_read_set_only(void)
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

static void an_expiration_wakes_all_pollers(void)
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

static void a_blocked_poller_keeps_waiting_after_a_disarm(void)
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
/* If the polled descriptor is closed meanwhile, poll returns when the timer expires, with
   POLLNVAL. */
static void a_poller_of_a_closed_descriptor_returns_at_the_expiration(void)
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

static void one_poll_waits_for_many_timers(void)
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
    poll_reports_only_readable();
    an_expired_timer_is_readable_until_it_is_read();
    select_reports_timers_in_the_read_set_only();
    an_expiration_wakes_all_pollers();
    a_blocked_poller_keeps_waiting_after_a_disarm();
#ifdef __linux__
    a_poller_of_a_closed_descriptor_returns_at_the_expiration();
#endif
    one_poll_waits_for_many_timers();
    return 0;
}
