/* Creates, arms and closes timers many times and checks that nothing leaks. Usage: cycles
   [CYCLES] */
#include "check.h"

#include <dirent.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define LIMIT 256
#define SURVIVORS 20
#define PATIENCE (60 * SECOND)

/* The number of open descriptors, including those above the limit. */
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

/* The resident memory of the process in kilobytes, or 0 if the system does not report it. */
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

/* The allocated heap memory in bytes, or 0 if the C library does not report it. */
static size_t allocated(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

/* Uses one timer. No more than SURVIVORS others are open, so the limit of descriptors suffices. */
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

static int survivors[SURVIVORS];
static int64_t began, sums[SURVIVORS];

/* Half of the survivors are periodic from now on, the others do not expire during the test. */
static void start_survivors(void)
{
    int i;
    began = now_ns(CLOCK_MONOTONIC);
    for (i = 0; i < SURVIVORS; i++) {
        survivors[i] = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
        if (i % 2) set(survivors[i], TFD_TIMER_ABSTIME, began, (i + 1) * MS);
        else set(survivors[i], 0, FAR, 0);
    }
}

static void survivors_keep_working(void)
{
    int i;
    for (i = 0; i < SURVIVORS; i++) {
        if (i % 2) {
            sums[i] = check_sums(survivors[i], CLOCK_MONOTONIC, began, (i + 1) * MS, sums[i]);
        } else {
            check_empty(survivors[i]);
            CHECK_BETWEEN(1, remaining(survivors[i]), FAR);
        }
    }
}

static void close_survivors(void)
{
    int i;
    for (i = 0; i < SURVIVORS; i++) {
        set(survivors[i], 0, MS, 0);
        until_ready(survivors[i]);
        CHECK(read_count(survivors[i]) == 1);
        check_empty(survivors[i]);
        CHECK(close(survivors[i]) == 0);
    }
}

/* Waits until at most `wanted` descriptors are open. A thread may have one open for a moment. */
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
    int cycles = argc > 1 ? atoi(argv[1]) : 100000, at_start, with_survivors, i;
    long early_resident = 0;
    size_t early = 0;
    struct rlimit low = {LIMIT, LIMIT};
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    at_start = open_descriptors();
    start_survivors();
    with_survivors = open_descriptors();
    for (i = 0; i < cycles; i++) {
        cycle(i);
        if (i % 10000 == 9999) survivors_keep_working();
        if (i == cycles / 10) early = allocated(), early_resident = resident();
    }
    /* Less than two bytes for each cycle: enough for the timers of the last cycles. */
    CHECK_BETWEEN(0, allocated(), early + 160 * 1024);
    CHECK_BETWEEN(0, resident(), early_resident + 1024 + early_resident / 4);
    survivors_keep_working();
    until_open(with_survivors);
    survivors_keep_working();
    close_survivors();
    until_open(at_start);
    return 0;
}
