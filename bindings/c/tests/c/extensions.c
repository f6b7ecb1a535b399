/* The functions of <portable_timerfd.h>, on the backend that the argument names: the program
   chooses it by a call, against the environment. */
#include "check.h"

#include <portable_timerfd.h>
#include <sys/time.h>
#include <sys/wait.h>

static void check_version(void)
{
    char version[40];
    snprintf(version, sizeof version, "%d.%d.%d", PTFD_VERSION_MAJOR, PTFD_VERSION_MINOR, PTFD_VERSION_PATCH);
    CHECK(strcmp(version, PTFD_VERSION) == 0);
    CHECK(strcmp(version, ptfd_version()) == 0);
}

static void check_choice_of_backend(int backend)
{
    struct ptfd_capabilities found;
    CHECK_FAILS(ptfd_set_backend(-1), EINVAL);
    CHECK_FAILS(ptfd_set_backend(3), EINVAL);
    /* Asking does not fix the choice. PORTABLE_TIMERFD_BACKEND does not exist. */
    CHECK_FAILS(ptfd_capabilities(CLOCK_MONOTONIC, &found), EINVAL);
    CHECK_OK(ptfd_set_backend(backend));
    CHECK_FAILS(ptfd_set_backend(backend), EBUSY);
    CHECK_FAILS(ptfd_set_backend(PTFD_BACKEND_BEST), EBUSY);
}

static void check_thread_options(void)
{
    CHECK_FAILS(ptfd_set_thread_options(NULL), EFAULT);
    CHECK_FAILS(ptfd_set_thread_options("fifo"), EINVAL);
    CHECK_FAILS(ptfd_set_thread_options("\xff"), EINVAL);
    CHECK_FAILS(ptfd_set_thread_options("other@8192"), EINVAL);
    /* PORTABLE_TIMERFD_THREAD is malformed, and is ignored from here on. */
    CHECK_OK(ptfd_set_thread_options("other"));
    CHECK_FAILS(ptfd_set_thread_options("other"), EBUSY);
    CHECK_OK(ptfd_start_thread());
    CHECK_OK(ptfd_start_thread());
}

static void check_capabilities(int backend)
{
    struct ptfd_capabilities found;
    size_t i;
    CHECK_FAILS(ptfd_capabilities(CLOCK_MONOTONIC, NULL), EFAULT);
    CHECK_FAILS(ptfd_capabilities(12345, &found), EINVAL);
    memset(&found, 0x5a, sizeof found);
    CHECK_OK(ptfd_capabilities(CLOCK_MONOTONIC, &found));
    CHECK(found.backend == backend && found.cancel_on_set == 0 && found.wakes_system == 0);
    CHECK(found.process_shared == (backend == PTFD_BACKEND_KERNEL));
    /* A system that is not listed may count suspends or not. Only then may the clock jump. */
    CHECK(found.counts_suspend == 0 || found.counts_suspend == -1);
    CHECK(found.jump_latency_ms == found.counts_suspend);
    for (i = 0; i < COUNT_OF(found.reserved); i++) CHECK(found.reserved[i] == 0);
    CHECK_OK(ptfd_capabilities(CLOCK_REALTIME, &found));
    CHECK(found.cancel_on_set == 1);
    CHECK(found.jump_latency_ms == (backend == PTFD_BACKEND_KERNEL ? 0 : 250));
}

static void check_read(void)
{
    uint64_t count = 42;
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int64_t first;
    CHECK_FAILS(ptfd_read(fd, &count), EAGAIN);
    first = now_ns(CLOCK_MONOTONIC) - 5 * SECOND - SECOND / 2;
    set(fd, TFD_TIMER_ABSTIME, first, SECOND);
    CHECK_FAILS(ptfd_read(fd, NULL), EFAULT);
    CHECK_OK(ptfd_read(fd, &count));
    CHECK_BETWEEN(6, count, due(now_ns(CLOCK_MONOTONIC), first, SECOND));
    set(fd, 0, FAR, 0);
    count = 42;
    CHECK_FAILS(ptfd_read(fd, &count), EAGAIN);
    CHECK(count == 42);
    CHECK(close(fd) == 0);
    CHECK_FAILS(ptfd_read(fd, &count), EBADF);
    CHECK_FAILS(ptfd_read(-1, &count), EBADF);
}

static void check_that_a_blocking_read_waits(void)
{
    uint64_t count = 0;
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    int64_t first = now_ns(CLOCK_MONOTONIC) + 20 * MS;
    set_at(fd, first, 0);
    CHECK_OK(ptfd_read(fd, &count));
    CHECK(count == 1 && now_ns(CLOCK_MONOTONIC) >= first);
    CHECK(close(fd) == 0);
}

static void check_descriptors_of_other_files(void)
{
    uint64_t count;
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(close(ends[1]) == 0);
    CHECK_FAILS(ptfd_read(ends[0], &count), EINVAL);
    CHECK(close(ends[0]) == 0);
}

static void on_alarm(int signal)
{
    (void)signal;
}

/* The interval timer repeats the signal, so that one comes during the wait. */
static void check_that_a_signal_ends_the_wait(void)
{
    const struct itimerval often = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action;
    uint64_t count;
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    set(fd, 0, FAR, 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    CHECK_FAILS(ptfd_read(fd, &count), EINTR);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(close(fd) == 0);
}

/* The child has the parent's choice, and its own timers. */
static void check_child(int backend)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), status;
    pid_t child;
    set(fd, TFD_TIMER_ABSTIME, 1, 0);
    until_ready(fd);
    child = fork();
    CHECK(child != -1);
    if (child == 0) {
        uint64_t count;
        int own = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
        struct ptfd_capabilities found;
        set(own, TFD_TIMER_ABSTIME, 1, 0);
        CHECK_OK(ptfd_read(own, &count));
        CHECK_OK(ptfd_capabilities(CLOCK_MONOTONIC, &found));
        CHECK(found.backend == backend);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
    int backend;
    CHECK(argc == 2);
    backend = strcmp(argv[1], "kernel") == 0 ? PTFD_BACKEND_KERNEL : PTFD_BACKEND_USERSPACE;
    check_version();
    check_choice_of_backend(backend);
    check_thread_options();
    check_capabilities(backend);
    check_read();
    check_that_a_blocking_read_waits();
    check_descriptors_of_other_files();
    check_that_a_signal_ends_the_wait();
    check_child(backend);
    return 0;
}
