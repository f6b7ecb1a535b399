/* All calls from many threads at once: on their own timers, on a shared timer, and on one that is
   closed meanwhile. */
#include "check.h"

#include <sched.h>

#define THREADS 4

static int shared, stop, done, refused;

/* A write to a pipe without a reader would send SIGPIPE. */
static void no_sigpipe(int signal_number)
{
    static const char text[] = "SIGPIPE\n";
    (void)signal_number;
    if (write(2, text, sizeof text - 1) == -1) _exit(2);
    _exit(1);
}

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void add_one(int *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static void in_threads(void *(*body)(void *), void (*meanwhile)(void))
{
    pthread_t threads[THREADS];
    static unsigned seeds[THREADS];
    int i;
    PUT(stop, 0), PUT(done, 0), PUT(refused, 0);
    for (i = 0; i < THREADS; i++) {
        seeds[i] = (unsigned)i * 7919u + 1;
        threads[i] = start(body, &seeds[i]);
    }
    if (meanwhile != NULL) meanwhile();
    PUT(stop, 1);
    for (i = 0; i < THREADS; i++) join(threads[i]);
}

static void *use_own_timers(void *argument)
{
    unsigned *random = argument;
    int i;
    for (i = 0; i < 300; i++) {
        int fd = new_timer(CLOCK_MONOTONIC, i % 2 ? TFD_NONBLOCK : 0);
        int64_t value = (int64_t)(next_random(random) % 200) * US + 1, earliest = now_ns(CLOCK_MONOTONIC) + value;
        set(fd, 0, FAR, SECOND);
        CHECK_BETWEEN(1, remaining(fd), FAR);
        set(fd, TFD_TIMER_ABSTIME, earliest, 0);
        if (i % 3 != 0) {
            CHECK(take(fd) == 1);
            CHECK(now_ns(CLOCK_MONOTONIC) >= earliest);
            CHECK(is_spec(get(fd), 0, 0));
        }
        CHECK(close(fd) == 0);
    }
    return NULL;
}

static void *use_the_shared_timer(void *argument)
{
    static const int64_t values[] = {1, 50 * US, 0, FAR};
    unsigned *random = argument;
    int fd = shared, i;
    for (i = 0; i < 5000; i++) {
        unsigned what = next_random(random);
        uint64_t count = 0;
        ssize_t n;
        if (what % 3 == 0) set(fd, 0, values[what / 3 % 4], (int64_t)(what % 2) * 20 * US);
        if (what % 3 == 1) CHECK_BETWEEN(0, remaining(fd), FAR);
        if (what % 3 == 2) {
            n = read(fd, &count, sizeof count);
            CHECK((n == 8 && count >= 1) || (n == -1 && errno == EAGAIN));
        }
    }
    return NULL;
}

static void threads_share_one_timer(void)
{
    int i;
    shared = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    in_threads(use_the_shared_timer, NULL);
    for (i = 0; i < 5; i++) {
        set(shared, 0, MS, 0);
        CHECK(take(shared) == 1);
        check_empty(shared);
    }
    close(shared);
}

/* Each expiration goes to one of many readers, and none is lost. */
static int64_t t0, sum;

static void *read_the_shared_timer(void *argument)
{
    (void)argument;
    while (!GET(stop)) {
        uint64_t count = 0;
        ssize_t n = read(shared, &count, sizeof count);
        CHECK((n == 8 && count >= 1) || (n == -1 && errno == EAGAIN));
        if (n == 8) __atomic_add_fetch(&sum, (int64_t)count, __ATOMIC_SEQ_CST);
        if (n == 8) CHECK_BETWEEN(1, GET(sum), due(now_ns(CLOCK_MONOTONIC), t0, 100 * US));
    }
    return NULL;
}

static void wait_50_ms(void)
{
    sleep_ns(50 * MS);
}

static void concurrent_reads_add_up_exactly(void)
{
    shared = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    t0 = now_ns(CLOCK_MONOTONIC);
    sum = 0;
    set(shared, TFD_TIMER_ABSTIME, t0, 100 * US);
    in_threads(read_the_shared_timer, wait_50_ms);
    /* The periods of 50 ms, except those of the last millisecond. */
    CHECK_BETWEEN(490, check_sums(shared, CLOCK_MONOTONIC, t0, 100 * US, sum), INT64_MAX);
    close(shared);
}

static void count_result(int result)
{
    if (result == 0) {
        add_one(&done);
    } else {
        CHECK(result == -1 && (errno == EBADF || errno == EINVAL));
        add_one(&refused);
    }
}

/* The descriptor is a timer, closed, or another file: each call succeeds, or fails with EBADF or
   EINVAL. */
static void *use_a_closed_timer(void *argument)
{
    unsigned *random = argument;
    while (!GET(stop)) {
        struct itimerspec past = spec(1, next_random(random) % 2 ? 50 * US : 0), left;
        int fd = GET(shared);
        count_result(timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, &left));
        if (next_random(random) % 4 == 0) count_result(timerfd_gettime(fd, &left));
    }
    return NULL;
}

static void close_repeatedly(void)
{
    int i;
    for (i = 0; i < 400 || GET(done) < 100 || GET(refused) < 100; i++) {
        int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), other;
        PUT(shared, fd);
        if (i % 3 == 0) set(fd, 0, 1, 10 * US);
        if (i % 5 != 0) sched_yield();
        CHECK(close(fd) == 0);
        if (i % 7 != 0) continue;
        CHECK((other = open("/dev/null", O_RDONLY)) >= 0);
        sched_yield();
        CHECK(close(other) == 0);
    }
}

static void calls_survive_a_concurrent_close(void)
{
    int fd;
    shared = -1;
    in_threads(use_a_closed_timer, close_repeatedly);
    fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK(is_spec(get(fd), 0, 0));
    set(fd, 0, MS, 0);
    CHECK(take(fd) == 1);
    close(fd);
}

int main(void)
{
    CHECK(signal(SIGPIPE, no_sigpipe) != SIG_ERR);
    in_threads(use_own_timers, NULL);
    threads_share_one_timer();
    concurrent_reads_add_up_exactly();
    calls_survive_a_concurrent_close();
    return 0;
}
