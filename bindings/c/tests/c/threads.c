/* All calls from many threads at once, on timers of their own, on one of all, and on one that is closed meanwhile. */
#include "check.h"

#include <sched.h>

#define THREADS 4

static int number, stop, done, refused;

/* Writing to a pipe that nobody reads any more would send it. */
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

static void *with_its_own(void *argument)
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

static void *with_one_of_all(void *argument)
{
    static const int64_t values[] = {1, 50 * US, 0, FAR};
    unsigned *random = argument;
    int fd = number, i;
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

static void one_of_all(void)
{
    int i;
    number = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    in_threads(with_one_of_all, NULL);
    for (i = 0; i < 5; i++) {
        set(number, 0, MS, 0);
        CHECK(take(number) == 1);
        check_empty(number);
    }
    close(number);
}

/* One reader of many gets each expiration, and all are got. */
static int64_t t0, sum;

static void *with_a_share(void *argument)
{
    (void)argument;
    while (!GET(stop)) {
        uint64_t count = 0;
        ssize_t n = read(number, &count, sizeof count);
        CHECK((n == 8 && count >= 1) || (n == -1 && errno == EAGAIN));
        if (n == 8) __atomic_add_fetch(&sum, (int64_t)count, __ATOMIC_SEQ_CST);
        if (n == 8) CHECK_BETWEEN(1, GET(sum), due(now_ns(CLOCK_MONOTONIC), t0, 100 * US));
    }
    return NULL;
}

static void for_a_while(void)
{
    sleep_ns(50 * MS);
}

static void shares_make_up_the_whole(void)
{
    number = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    t0 = now_ns(CLOCK_MONOTONIC);
    sum = 0;
    set(number, TFD_TIMER_ABSTIME, t0, 100 * US);
    in_threads(with_a_share, for_a_while);
    /* 50 ms of it, but for the last millisecond. */
    CHECK_BETWEEN(490, check_sums(number, CLOCK_MONOTONIC, t0, 100 * US, sum), INT64_MAX);
    close(number);
}

static void told(int result)
{
    if (result == 0) {
        add_one(&done);
    } else {
        CHECK(result == -1 && (errno == EBADF || errno == EINVAL));
        add_one(&refused);
    }
}

/* The number is a timer's, or nobody's, or another file's: each call does what it can, and harms nothing. */
static void *with_one_that_is_closed(void *argument)
{
    unsigned *random = argument;
    while (!GET(stop)) {
        struct itimerspec past = spec(1, next_random(random) % 2 ? 50 * US : 0), left;
        int fd = GET(number);
        told(timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, &left));
        if (next_random(random) % 4 == 0) told(timerfd_gettime(fd, &left));
    }
    return NULL;
}

static void close_again_and_again(void)
{
    int i;
    for (i = 0; i < 400 || GET(done) < 100 || GET(refused) < 100; i++) {
        int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), other;
        PUT(number, fd);
        if (i % 3 == 0) set(fd, 0, 1, 10 * US);
        if (i % 5 != 0) sched_yield();
        CHECK(close(fd) == 0);
        if (i % 7 != 0) continue;
        CHECK((other = open("/dev/null", O_RDONLY)) >= 0);
        sched_yield();
        CHECK(close(other) == 0);
    }
}

static void one_that_is_closed(void)
{
    int fd;
    number = -1;
    in_threads(with_one_that_is_closed, close_again_and_again);
    fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK(is_spec(get(fd), 0, 0));
    set(fd, 0, MS, 0);
    CHECK(take(fd) == 1);
    close(fd);
}

int main(void)
{
    CHECK(signal(SIGPIPE, no_sigpipe) != SIG_ERR);
    in_threads(with_its_own, NULL);
    one_of_all();
    shares_make_up_the_whole();
    one_that_is_closed();
    return 0;
}
