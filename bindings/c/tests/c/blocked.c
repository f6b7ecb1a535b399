/* A blocked read while other threads set the timer, read it, close it or cancel the reader. */
#include "check.h"

struct reader {
    pthread_t thread;
    int fd;
    long id;
    ssize_t got;
    int error;
    uint64_t count;
    int64_t end;
};

static int finished;

static void *read_once(void *argument)
{
    struct reader *reader = argument;
    int fd = reader->fd;
    reader->count = 0;
    errno = UNTOUCHED;
    PUT(reader->id, own_id());
    reader->got = read(fd, &reader->count, sizeof reader->count);
    reader->error = errno;
    reader->end = now_ns(CLOCK_MONOTONIC);
    __atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void start_reader(struct reader *reader, int fd)
{
    reader->fd = fd;
    reader->id = 0;
    reader->thread = start(read_once, reader);
    until_known_and_asleep(&reader->id);
}

static void check_reader(struct reader *reader, uint64_t count, int64_t earliest)
{
    join(reader->thread);
    CHECK_BETWEEN(8, reader->got, 8);
    CHECK(reader->error == UNTOUCHED);
    CHECK(reader->count == count);
    CHECK(reader->end >= earliest);
}

static void a_blocked_reader_follows_new_settings(void)
{
    static const int64_t before[] = {0, FAR};
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    struct reader reader;
    size_t i;
    for (i = 0; i < COUNT_OF(before); i++) {
        int64_t expires;
        set(fd, 0, before[i], 0);
        start_reader(&reader, fd);
        set(fd, 0, 0, 0);
        sleep_ns(2 * MS);
        until_asleep(reader.id);
        expires = now_ns(CLOCK_MONOTONIC) + 3 * MS;
        set(fd, TFD_TIMER_ABSTIME, expires, 0);
        check_reader(&reader, 1, expires);
        start_reader(&reader, fd);
        set(fd, TFD_TIMER_ABSTIME, 1, 0);
        check_reader(&reader, 1, 0);
    }
    close(fd);
}

/* Each expiration wakes exactly one reader, which reads a count of one. */
static void each_expiration_wakes_one_of_several_readers(void)
{
    enum { READERS = 4 };
    int fd = new_timer(CLOCK_MONOTONIC, 0), i, round;
    struct reader readers[READERS];
    for (i = 0; i < READERS; i++) start_reader(&readers[i], fd);
    PUT(finished, 0);
    for (round = 1; round <= READERS; round++) {
        set(fd, 0, MS, 0);
        while (GET(finished) < round) sleep_ns(100 * US);
        sleep_ns(MS);
        CHECK(GET(finished) == round);
        for (i = 0; i < READERS; i++) until_asleep(readers[i].id);
    }
    for (i = 0; i < READERS; i++) check_reader(&readers[i], 1, 0);
    CHECK(!is_ready(fd));
    close(fd);
}

static void a_blocked_reader_ignores_a_change_to_nonblocking(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, 0), mode = fcntl(fd, F_GETFL);
    struct reader reader;
    start_reader(&reader, fd);
    CHECK(fcntl(fd, F_SETFL, mode | O_NONBLOCK) == 0);
    sleep_ns(2 * MS);
    until_asleep(reader.id);
    set(fd, 0, MS, 0);
    check_reader(&reader, 1, 0);
    check_empty(fd);
    close(fd);
}

#ifdef __linux__
/* On other systems, closing the last descriptor may end the timer while a read is blocked. */
static void a_blocked_reader_outlives_the_close_of_its_descriptor(int replace)
{
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    int64_t expires = now_ns(CLOCK_MONOTONIC) + 60 * MS;
    struct reader reader;
    set(fd, TFD_TIMER_ABSTIME, expires, 0);
    start_reader(&reader, fd);
    if (replace) {
        int null = open("/dev/null", O_RDONLY);
        CHECK(null >= 0 && dup2(null, fd) == fd && close(null) == 0);
    } else {
        CHECK(close(fd) == 0);
    }
    check_reader(&reader, 1, expires);
    CHECK(close(fd) == (replace ? 0 : -1));
}
#endif

static void a_blocked_reader_can_be_cancelled(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    struct reader reader;
    void *how;
    start_reader(&reader, fd);
    CHECK(pthread_cancel(reader.thread) == 0);
    CHECK(pthread_join(reader.thread, &how) == 0 && how == PTHREAD_CANCELED);
    set(fd, 0, MS, 0);
    CHECK(read_count(fd) == 1);
    close(fd);
}

int main(void)
{
    a_blocked_reader_follows_new_settings();
    each_expiration_wakes_one_of_several_readers();
    a_blocked_reader_ignores_a_change_to_nonblocking();
#ifdef __linux__
    a_blocked_reader_outlives_the_close_of_its_descriptor(0);
    a_blocked_reader_outlives_the_close_of_its_descriptor(1);
#endif
    a_blocked_reader_can_be_cancelled();
    return 0;
}
