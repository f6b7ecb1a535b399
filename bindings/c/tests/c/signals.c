/* Signals during a read: interrupted, restarted, stopped and continued. The library takes no
   signals. */
#include "check.h"

#include <sys/wait.h>

static int handled, is_done;
static long reader_id;

static void handler(int number)
{
    (void)number;
    PUT(handled, GET(handled) + 1);
}

static void handle(int number, int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    CHECK(sigemptyset(&action.sa_mask) == 0 && sigaction(number, &action, NULL) == 0);
}

struct outcome {
    int fd;
    ssize_t got;
    int error;
    uint64_t count;
};

static void *read_once(void *argument)
{
    struct outcome *outcome = argument;
    int fd = outcome->fd;
    PUT(reader_id, own_id());
    outcome->got = read(fd, &outcome->count, sizeof outcome->count);
    outcome->error = errno;
    PUT(is_done, 1);
    return NULL;
}

static pthread_t start_reader(struct outcome *outcome)
{
    pthread_t thread;
    PUT(reader_id, 0);
    PUT(handled, 0);
    PUT(is_done, 0);
    thread = start(read_once, outcome);
    until_known_and_asleep(&reader_id);
    return thread;
}

/* Sends the signal until the thread has returned from the read. A signal that comes before the read
   does not interrupt it, and most systems do not show whether a thread has begun to wait. */
static void interrupt(pthread_t thread)
{
    while (!GET(is_done)) {
        int error = pthread_kill(thread, SIGUSR1);
        CHECK(error == 0 || error == ESRCH);
        sleep_ns(MS);
    }
}

static void a_signal_interrupts_a_read(void)
{
    struct outcome outcome = {0, 0, 0, 0};
    pthread_t thread;
    outcome.fd = new_timer(CLOCK_MONOTONIC, 0);
    handle(SIGUSR1, 0);
    set(outcome.fd, 0, FAR, 0);
    thread = start_reader(&outcome);
    interrupt(thread);
    join(thread);
    CHECK(GET(handled) >= 1);
    CHECK(outcome.got == -1 && outcome.error == EINTR);
    set(outcome.fd, 0, 1, 0);
    CHECK(read_count(outcome.fd) == 1);
    close(outcome.fd);
}

static void a_read_continues_after_a_handler_with_sa_restart(void)
{
    struct outcome outcome = {0, 0, 0, 0};
    pthread_t thread;
    outcome.fd = new_timer(CLOCK_MONOTONIC, 0);
    handle(SIGUSR1, SA_RESTART);
    set(outcome.fd, 0, FAR, 0);
    thread = start_reader(&outcome);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    while (GET(handled) == 0) sleep_ns(50 * US);
    until_asleep(reader_id);
    set(outcome.fd, 0, 1, 0);
    join(thread);
    CHECK(outcome.got == 8 && outcome.count == 1);
    close(outcome.fd);
}

/* This thread blocks the signal. If the library's thread did not, it would take the signal. */
static void the_library_takes_no_signals_of_the_process(void)
{
    sigset_t one, pending;
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), number = 0;
    handle(SIGUSR2, 0);
    PUT(handled, 0);
    CHECK(sigemptyset(&one) == 0 && sigaddset(&one, SIGUSR2) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &one, NULL) == 0);
    set(fd, 0, 1, 100 * US);
    take(fd);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    sleep_ns(2 * MS);
    CHECK(GET(handled) == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2) == 1);
    CHECK(sigwait(&one, &number) == 0 && number == SIGUSR2);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &one, NULL) == 0);
    close(fd);
}

/* Runs in the child, which is stopped during a read. A periodic timer keeps its schedule
   meanwhile. */
static void read_while_stopped(int ready, int64_t length)
{
    int once = new_timer(CLOCK_MONOTONIC, 0), often = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int64_t interval = 5 * MS, t0 = now_ns(CLOCK_MONOTONIC), sum;
    uint64_t count = 0;
    set(often, TFD_TIMER_ABSTIME, t0, interval);
    set(once, 0, length, 0);
    CHECK(write(ready, "", 1) == 1);
    CHECK(read(once, &count, sizeof count) == 8 && count == 1);
    CHECK(now_ns(CLOCK_MONOTONIC) - t0 >= length);
    sum = check_sums(often, CLOCK_MONOTONIC, t0, interval, 0);
    CHECK_BETWEEN(length / interval, sum, INT64_MAX);
}

/* Returns whether the child was stopped while it waited, and not only after it had ended. */
static int a_stopped_process_keeps_its_schedule(int64_t length)
{
    int ends[2], status, stopped;
    char byte;
    pid_t child;
    CHECK(pipe(ends) == 0 && (child = fork()) != -1);
    if (child == 0) {
        read_while_stopped(ends[1], length);
        exit(0);
    }
    CHECK(read(ends[0], &byte, 1) == 1);
    until_asleep(child);
    CHECK(kill(child, SIGSTOP) == 0);
    CHECK(waitpid(child, &status, WUNTRACED) == child);
    stopped = WIFSTOPPED(status);
    if (stopped) {
        sleep_ns(60 * MS);
        CHECK(kill(child, SIGCONT) == 0 && waitpid(child, &status, 0) == child);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ends[0]), close(ends[1]);
    return stopped;
}

int main(void)
{
    int64_t length = 150 * MS;
    /* On a busy machine, the read may end before this process stops the child. */
    while (!a_stopped_process_keeps_its_schedule(length)) length *= 2;
    a_signal_interrupts_a_read();
    a_read_continues_after_a_handler_with_sa_restart();
    the_library_takes_no_signals_of_the_process();
    return 0;
}
