/* Timers made, armed and closed with plain close(2), over and over: nothing of them stays. cycles [HOW-OFTEN] */
#include "check.h"

#include <dirent.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define LIMIT 256
#define LIVING 20
#define PATIENCE (60 * SECOND)

/* How many descriptors are open, of those that the limit allows and those beyond. */
static int open_descriptors(void)
{
    int n = 0, fd;
    DIR *all = opendir("/proc/self/fd");
    struct dirent *entry;
    if (all == NULL) {
        for (fd = 0; fd < 4096; fd++) n += fcntl(fd, F_GETFD) != -1;
        return n;
    }
    while ((entry = readdir(all)) != NULL) n += entry->d_name[0] != '.';
    CHECK(closedir(all) == 0);
    return n - 1;
}

/* What the process has in memory, in kilobytes; 0 where nobody tells. */
static long resident(void)
{
    char line[256];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1) break;
    fclose(file);
    return kilobytes;
}

/* What is allocated of the heap, in bytes; 0 where nobody tells. */
static size_t allocated(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

/* Made while no more than LIVING others are open: there is room for it. */
static void cycle(int i)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), copy;
    switch (i % 6) {
    case 0: set(fd, 0, FAR, 0); break;
    case 1: set(fd, 0, 1, 0); break;
    case 2: set(fd, 0, MS, MS); break;
    case 3: break;
    case 4:
        CHECK((copy = dup(fd)) >= 0);
        set(copy, 0, 1, MS);
        CHECK(close(copy) == 0);
        break;
    default:
        set(fd, 0, FAR, 0);
        set(fd, TFD_TIMER_ABSTIME, 1, 0);
    }
    if (i % 600 == 1) CHECK(take(fd) == 1);
    CHECK(close(fd) == 0);
}

static int living[LIVING];
static int64_t began, sums[LIVING];

/* Half of them are periodic from now on, the others are due when all is over. */
static void start_the_living(void)
{
    int i;
    began = now_ns(CLOCK_MONOTONIC);
    for (i = 0; i < LIVING; i++) {
        living[i] = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
        if (i % 2) set(living[i], TFD_TIMER_ABSTIME, began, (i + 1) * MS);
        else set(living[i], 0, FAR, 0);
    }
}

static void the_living_work(void)
{
    int i;
    for (i = 0; i < LIVING; i++) {
        if (i % 2) {
            sums[i] = check_sums(living[i], CLOCK_MONOTONIC, began, (i + 1) * MS, sums[i]);
        } else {
            check_empty(living[i]);
            CHECK_BETWEEN(1, remaining(living[i]), FAR);
        }
    }
}

static void end_the_living(void)
{
    int i;
    for (i = 0; i < LIVING; i++) {
        set(living[i], 0, MS, 0);
        until_ready(living[i]);
        CHECK(read_count(living[i]) == 1);
        check_empty(living[i]);
        CHECK(close(living[i]) == 0);
    }
}

/* What a thread has open for a moment, now or when the wanted number was counted, is no matter. */
static void until_open(int wanted)
{
    int64_t start = now_ns(CLOCK_MONOTONIC);
    while (open_descriptors() > wanted) {
        CHECK(now_ns(CLOCK_MONOTONIC) - start < PATIENCE);
        sleep_ns(20 * MS);
    }
}

int main(int argc, char **argv)
{
    int cycles = argc > 1 ? atoi(argv[1]) : 100000, at_start, with_the_living, i;
    long early_resident = 0;
    size_t early = 0;
    struct rlimit low = {LIMIT, LIMIT};
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    at_start = open_descriptors();
    start_the_living();
    with_the_living = open_descriptors();
    for (i = 0; i < cycles; i++) {
        cycle(i);
        if (i % 10000 == 9999) the_living_work();
        if (i == cycles / 10) early = allocated(), early_resident = resident();
    }
    /* Less than two bytes for each cycle, in which there is room for those of the last cycles. */
    CHECK_BETWEEN(0, allocated(), early + 160 * 1024);
    CHECK_BETWEEN(0, resident(), early_resident + 1024 + early_resident / 4);
    the_living_work();
    until_open(with_the_living);
    the_living_work();
    end_the_living();
    until_open(at_start);
    return 0;
}
