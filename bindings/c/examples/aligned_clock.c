/* Prints the time at every full minute, and at once if the wall clock is changed.
   Usage: aligned_clock [PERIOD-SECONDS [LINES]] */
#include <portable_timerfd.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Returns the seconds of the wall clock. On Linux, time(2) reads a coarse clock, which can still
   show the last second when the timer expires. */
static time_t now(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec;
}

/* Sets the timer to the next multiple of the period. */
static int arm(int fd, long period)
{
    struct itimerspec next = {{0, 0}, {0, 0}};
    time_t present;
    do {
        present = now() / period;
        next.it_value.tv_sec = (present + 1) * period;
        /* ECANCELED: the clock was changed before this call. The time is set. */
        if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &next, NULL) == -1
            && errno != ECANCELED) return -1;
        /* A change between the two calls is not reported, so the clock is read again. */
    } while (now() / period != present);
    return 0;
}

static int show(const char *what)
{
    printf("%s: %lld\n", what, (long long)now());
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    long period = argc > 1 ? atol(argv[1]) : 60;
    long lines = argc > 2 ? atol(argv[2]) : -1;
    struct pollfd entry = {-1, POLLIN, 0};
    if (period <= 0) return 2;
    entry.fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (entry.fd == -1 || arm(entry.fd, period) == -1) goto failed;
    if (show("started") != 0) return 1;
    while (lines != 0) {
        uint64_t count;
        const char *what = "expired";
        if (poll(&entry, 1, -1) == -1 && errno != EINTR) goto failed;
        if (ptfd_read(entry.fd, &count) == -1) {
            if (errno == EAGAIN) continue;
            if (errno != ECANCELED) goto failed;
            what = "clock changed";
        }
        if (arm(entry.fd, period) == -1) goto failed;
        if (show(what) != 0) return 1;
        if (lines > 0) lines--;
    }
    return 0;
failed:
    perror("aligned_clock");
    return 1;
}
