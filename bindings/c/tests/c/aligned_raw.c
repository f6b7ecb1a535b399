/* As the example aligned_clock.c, by the functions of Linux only: a raw read(2) cannot report a
   clock change on the emulation, so every read sets the next time. Prints the time after each
   read. Usage: aligned_raw PERIOD-SECONDS LINES */
#include "check.h"

static time_t seconds(void)
{
    return (time_t)(now_ns(CLOCK_REALTIME) / SECOND);
}

static void arm(int fd, long period)
{
    time_t present;
    do {
        struct itimerspec next;
        int result;
        present = seconds() / period;
        next = spec((present + 1) * period * SECOND, 0);
        result = timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &next, NULL);
        /* ECANCELED: the clock was changed before this call, and the time is set. */
        CHECK(result == 0 || errno == ECANCELED);
        /* From here on, a read reports a change. Before, another time is present. */
    } while (seconds() / period != present);
}

static void show(const char *what)
{
    CHECK(printf("%s: %lld\n", what, (long long)seconds()) > 0);
    CHECK(fflush(stdout) == 0);
}

int main(int argc, char **argv)
{
    long period, lines;
    int fd = new_timer(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    CHECK(argc == 3);
    period = atol(argv[1]);
    arm(fd, period);
    show("started");
    for (lines = atol(argv[2]); lines > 0;) {
        uint64_t count;
        ssize_t size;
        until_ready(fd);
        size = read(fd, &count, sizeof count);
        if (size == sizeof count || (size == -1 && errno == ECANCELED)) {
            arm(fd, period);
            show("read");
            lines--;
        } else {
            CHECK(size == -1 && errno == EAGAIN);
        }
    }
    return close(fd);
}
