/* Shared by the test programs: a CHECK that prints its line, time in nanoseconds, and helpers for
   timers. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <sys/timerfd.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define FAR (1000 * SECOND)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* An errno that no call sets. A call that succeeds must not change errno. */
#define UNTOUCHED 4242

__attribute__((noreturn)) static inline void check_failed(const char *file, int line, const char *what, long long result, int error)
{
    fprintf(stderr, "%s:%d: %s: result %lld, errno %d (%s)\n", file, line, what, result, error, strerror(error));
    exit(1);
}

#define CHECK(cond)                                                          \
    do {                                                                     \
        if (!(cond)) check_failed(__FILE__, __LINE__, #cond, 0, errno);      \
    } while (0)

/* The call returns 0 and does not change errno. */
#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        long check_result = (errno = UNTOUCHED, (call));                                           \
        if (check_result != 0 || errno != UNTOUCHED)                                               \
            check_failed(__FILE__, __LINE__, #call " gives 0, errno as it was", check_result, errno); \
    } while (0)

/* The call returns -1 and sets this errno. */
#define CHECK_FAILS(call, code)                                                            \
    do {                                                                                   \
        long check_result = (errno = UNTOUCHED, (call));                                   \
        if (check_result != -1 || errno != (code))                                         \
            check_failed(__FILE__, __LINE__, #call " fails with " #code, check_result, errno); \
    } while (0)

/* low <= what <= high. Prints the numbers if the check fails. */
#define CHECK_BETWEEN(low, what, high)                                                                       \
    do {                                                                                                     \
        long long check_low = (long long)(low), check_what = (long long)(what), check_high = (long long)(high); \
        if (check_what < check_low || check_what > check_high) {                                             \
            fprintf(stderr, "%lld is not in %lld..%lld\n", check_what, check_low, check_high);               \
            check_failed(__FILE__, __LINE__, #low " <= " #what " <= " #high, check_what, errno);             \
        }                                                                                                    \
    } while (0)

/* The clocks of timers besides CLOCK_REALTIME and CLOCK_MONOTONIC. FreeBSD defines CLOCK_BOOTTIME as
   another name of a clock that timers there do not have. */
#if defined CLOCK_BOOTTIME && (defined __linux__ || defined __OpenBSD__)
#define HAS_BOOTTIME
#endif
#ifdef CLOCK_REALTIME_ALARM
#define HAS_ALARM_CLOCKS
#endif

/* Whether CLOCK_MONOTONIC is another clock than that of the timers. If so, the library converts an
   absolute time, and the result may be later by the time between two readings of the clocks. */
static inline int has_two_clocks(void)
{
#if defined __APPLE__ || defined __OpenBSD__
    return 1;
#else
    return getenv("TEST_TWO_CLOCKS") != NULL;
#endif
}

static inline int64_t to_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static inline struct timespec from_ns(int64_t ns)
{
    struct timespec t;
    t.tv_sec = (time_t)(ns / SECOND);
    t.tv_nsec = (long)(ns % SECOND);
    return t;
}

static inline int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return to_ns(t);
}

static inline void sleep_ns(int64_t ns)
{
    struct timespec t = from_ns(ns);
    while (nanosleep(&t, &t) == -1) CHECK(errno == EINTR);
}

static inline struct itimerspec spec(int64_t value, int64_t interval)
{
    struct itimerspec s;
    memset(&s, 0, sizeof s);
    s.it_value = from_ns(value);
    s.it_interval = from_ns(interval);
    return s;
}

static inline int new_timer(clockid_t clock, int flags)
{
    int fd = timerfd_create(clock, flags);
    CHECK(fd >= 0);
    return fd;
}

static inline void set(int fd, int flags, int64_t value, int64_t interval)
{
    struct itimerspec s = spec(value, interval);
    CHECK_OK(timerfd_settime(fd, flags, &s, NULL));
}

/* Sets an absolute time. Returns by how much the timer may be late because of two clocks. */
static inline int64_t set_at(int fd, int64_t time, int64_t interval)
{
    int64_t before = now_ns(CLOCK_MONOTONIC);
    set(fd, TFD_TIMER_ABSTIME, time, interval);
    return has_two_clocks() ? now_ns(CLOCK_MONOTONIC) - before : 0;
}

/* Checks the remaining time of a periodic timer, measured between two readings of the clock. The
   timer first expires at t0, or up to `late` later. */
static inline void check_phase(int64_t before, int64_t left, int64_t after, int64_t t0, int64_t interval, int64_t late)
{
    int64_t phase = (before + left - t0) % interval;
    CHECK(phase <= late || phase + (after - before) >= interval);
}

static inline struct itimerspec get(int fd)
{
    struct itimerspec s;
    memset(&s, 0x5a, sizeof s);
    CHECK_OK(timerfd_gettime(fd, &s));
    return s;
}

static inline int64_t remaining(int fd)
{
    return to_ns(get(fd).it_value);
}

static inline int is_spec(struct itimerspec s, int64_t value, int64_t interval)
{
    return to_ns(s.it_value) == value && to_ns(s.it_interval) == interval;
}

/* The number of expirations until this time, for a timer that first expires at t0. */
static inline int64_t due(int64_t time, int64_t t0, int64_t interval)
{
    return time < t0 ? 0 : (time - t0) / interval + 1;
}

/* The events that poll reports for the descriptor within `timeout` milliseconds (-1: no limit). */
static inline short polled(int fd, short events, int timeout)
{
    struct pollfd p;
    int n;
    p.fd = fd;
    p.events = events;
    p.revents = 0;
    do n = poll(&p, 1, timeout);
    while (n == -1 && errno == EINTR);
    CHECK(n == (p.revents != 0));
    return p.revents;
}

static inline int is_ready(int fd)
{
    return polled(fd, POLLIN, 0) != 0;
}

static inline void until_ready(int fd)
{
    CHECK(polled(fd, POLLIN, -1) == POLLIN);
}

/* Reads a count that must not be zero. On a non-blocking timer, there must be one to read. */
static inline uint64_t read_count(int fd)
{
    uint64_t count = 0;
    errno = UNTOUCHED;
    CHECK(read(fd, &count, sizeof count) == 8);
    CHECK(errno == UNTOUCHED);
    CHECK(count != 0);
    return count;
}

/* Waits and reads. The count of a periodic timer may be in a refresh just then: waits again. */
static inline uint64_t take(int fd)
{
    uint64_t count = 0;
    ssize_t n;
    do {
        until_ready(fd);
        n = read(fd, &count, sizeof count);
    } while (n == -1 && errno == EAGAIN);
    CHECK(n == 8);
    CHECK(count != 0);
    return count;
}

static inline void check_empty(int fd)
{
    uint64_t count;
    CHECK(!is_ready(fd));
    CHECK_FAILS(read(fd, &count, sizeof count), EAGAIN);
}

/* Reads until the sum of the counts is the number of periods that have passed, and checks that it
   is never more. Returns the sum. A lost expiration would end in a timeout. If periods are shorter
   than a millisecond, those of the last millisecond may not be counted yet. */
static inline int64_t check_sums(int fd, clockid_t clock, int64_t t0, int64_t interval, int64_t sum)
{
    int64_t lag = interval < MS ? MS : 0, start = now_ns(CLOCK_MONOTONIC);
    while (sum < due(now_ns(clock) - lag, t0, interval)) {
        CHECK(now_ns(CLOCK_MONOTONIC) - start < 60 * SECOND);
        sum += (int64_t)take(fd);
        CHECK_BETWEEN(1, sum, due(now_ns(clock), t0, interval));
    }
    return sum;
}

static inline pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK((errno = pthread_create(&thread, NULL, body, argument)) == 0);
    return thread;
}

static inline void join(pthread_t thread)
{
    CHECK((errno = pthread_join(thread, NULL)) == 0);
}

static inline long own_id(void)
{
#ifdef __linux__
    return syscall(SYS_gettid);
#else
    return 1;
#endif
}

#ifdef __linux__
/* The state letter of the thread in /proc: S is sleeping, Z and X have ended. */
static inline char state_of(long id)
{
    char name[64], line[512], *after;
    FILE *file;
    snprintf(name, sizeof name, "/proc/%ld/stat", id);
    file = fopen(name, "r");
    if (file == NULL) return 'X';
    after = fgets(line, sizeof line, file);
    fclose(file);
    if (after == NULL) return 'X';
    after = strrchr(line, ')');
    CHECK(after != NULL && after[1] == ' ');
    return after[2];
}
#endif

/* Waits until the thread, or the process's main thread, sleeps in the call that it was about to
   make, or has ended. */
static inline void until_asleep(long id)
{
#ifdef __linux__
    while (strchr("SZX", state_of(id)) == NULL) sleep_ns(200 * US);
#else
    (void)id;
    sleep_ns(100 * MS);
#endif
}

/* Pass a value from one thread to another. */
#define PUT(place, value) __atomic_store_n(&(place), (value), __ATOMIC_SEQ_CST)
#define GET(place) __atomic_load_n(&(place), __ATOMIC_SEQ_CST)

/* Like until_asleep, after the thread has stored its own number in `id`. */
static inline void until_known_and_asleep(long *id)
{
    while (GET(*id) == 0) sleep_ns(50 * US);
    until_asleep(*id);
}

#endif
