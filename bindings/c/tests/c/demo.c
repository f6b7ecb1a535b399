/* A demonstration that prints each read and its time. Usage: demo INIT-SECS [INTERVAL-SECS
   MAX-EXPIRATIONS]; decimals are allowed. */
#include "check.h"

#include <inttypes.h>

static int64_t started;

/* Prints the elapsed time, rounded down to milliseconds, so that an early read cannot look on
   time. */
static void print_elapsed(void)
{
    int64_t ms = (now_ns(CLOCK_MONOTONIC) - started) / MS;
    printf("%" PRId64 ".%03" PRId64 ": ", ms / 1000, ms % 1000);
}

static int64_t seconds(const char *text)
{
    return (int64_t)(strtod(text, NULL) * 1e3 + 0.5) * MS;
}

int main(int argc, char **argv)
{
    uint64_t max = 1, total = 0;
    int64_t interval = 0;
    int fd;
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: %s INIT-SECS [INTERVAL-SECS MAX-EXPIRATIONS]\n", argv[0]);
        return 2;
    }
    if (argc == 4) {
        interval = seconds(argv[2]);
        max = strtoull(argv[3], NULL, 10);
    }
    fd = new_timer(CLOCK_MONOTONIC, 0);
    started = now_ns(CLOCK_MONOTONIC);
    set(fd, TFD_TIMER_ABSTIME, started + seconds(argv[1]), interval);
    print_elapsed();
    printf("timer started\n");
    while (total < max) {
        uint64_t count = read_count(fd);
        total += count;
        print_elapsed();
        printf("read: %" PRIu64 "; total=%" PRIu64 "\n", count, total);
    }
    return close(fd) == 0 && fflush(stdout) == 0 ? 0 : 1;
}
