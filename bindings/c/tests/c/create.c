/* timerfd_create: clocks, flags, the order of errors, and the properties of a new descriptor. */
#include "check.h"

#include <sys/resource.h>
#include <sys/wait.h>

static const int accepted[] = {
    CLOCK_REALTIME, CLOCK_MONOTONIC,
#ifdef HAS_BOOTTIME
    CLOCK_BOOTTIME,
#endif
#ifdef HAS_ALARM_CLOCKS
    CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM,
#endif
};

static int is_accepted(int clock)
{
    size_t i;
    for (i = 0; i < COUNT_OF(accepted); i++)
        if (accepted[i] == clock) return 1;
    return 0;
}

static int refused_clock(void)
{
    int clock = 0;
    while (is_accepted(clock)) clock++;
    return clock;
}

static void create_accepts_two_clocks_and_three_more_on_linux(void)
{
    int clock, fd;
    for (clock = -8; clock <= 24; clock++)
        if (!is_accepted(clock)) CHECK_FAILS(timerfd_create(clock, 0), EINVAL);
    for (clock = 0; clock < 8; clock++) {
        if (!is_accepted(clock)) continue;
        errno = UNTOUCHED;
        fd = timerfd_create(clock, 0);
        CHECK(fd >= 0 && errno == UNTOUCHED);
        CHECK(close(fd) == 0);
    }
}

static void create_accepts_two_flags(void)
{
    int bit;
    CHECK(TFD_CLOEXEC == O_CLOEXEC && TFD_NONBLOCK == O_NONBLOCK);
    for (bit = 0; bit < 32; bit++) {
        int flag = (int)(1u << bit);
        if (flag == TFD_CLOEXEC || flag == TFD_NONBLOCK) continue;
        CHECK_FAILS(timerfd_create(CLOCK_MONOTONIC, flag), EINVAL);
        CHECK_FAILS(timerfd_create(CLOCK_MONOTONIC, flag | TFD_NONBLOCK | TFD_CLOEXEC), EINVAL);
    }
}

static void create_flags_set_the_mode_of_the_descriptor(void)
{
    static const int flags[] = {0, TFD_CLOEXEC, TFD_NONBLOCK, TFD_CLOEXEC | TFD_NONBLOCK};
    size_t i;
    for (i = 0; i < COUNT_OF(flags); i++) {
        int fd = new_timer(CLOCK_MONOTONIC, flags[i]);
        CHECK(fcntl(fd, F_GETFD) == (flags[i] & TFD_CLOEXEC ? FD_CLOEXEC : 0));
        CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK) == !(flags[i] & TFD_NONBLOCK));
        CHECK(!(fcntl(fd, F_GETFL) & O_CLOEXEC));
        close(fd);
    }
}

static void a_new_timer_is_disarmed(void)
{
    size_t i;
    for (i = 0; i < 2; i++) {
        int fd = new_timer(accepted[i], TFD_NONBLOCK);
        CHECK(is_spec(get(fd), 0, 0));
        check_empty(fd);
        close(fd);
    }
}

static int lowest_free(void)
{
    int fd = dup(2);
    CHECK(fd >= 0 && close(fd) == 0);
    return fd;
}

static void create_returns_the_lowest_free_descriptor(void)
{
    int first = lowest_free(), fds[6], free, i;
    for (i = 0; i < 6; i++) {
        free = lowest_free();
        fds[i] = new_timer(CLOCK_MONOTONIC, 0);
        CHECK(fds[i] == free);
        set(fds[i], 0, i % 2 ? FAR : 1, 0);
    }
    free = fds[2];
    CHECK(close(free) == 0);
    CHECK(lowest_free() == free);
    CHECK((fds[2] = new_timer(CLOCK_REALTIME, 0)) == free);
    for (i = 0; i < 6; i++) CHECK(close(fds[i]) == 0);
    CHECK(lowest_free() == first);
}

/* Invalid arguments are reported before EMFILE, and a failed call leaks no descriptor. */
static void create_fails_at_the_limit_of_descriptors(void)
{
    struct rlimit saved, low;
    int fd, i, spare = open("/dev/null", O_RDONLY), last[64], n = 0;
    CHECK(spare >= 0 && getrlimit(RLIMIT_NOFILE, &saved) == 0);
    low = saved;
    low.rlim_cur = 64;
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    while ((fd = dup(spare)) >= 0) last[n++] = fd;
    CHECK(errno == EMFILE && n > 3);
    /* The emulation may still have descriptors of the timers that were closed above: it closes them
       now. */
    while ((fd = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0) last[n++] = fd;
    CHECK(errno == EMFILE);
    while ((fd = dup(spare)) >= 0) last[n++] = fd;
    for (i = 0; i < 3; i++) {
        CHECK_FAILS(timerfd_create(CLOCK_MONOTONIC, 0), EMFILE);
        CHECK_FAILS(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
        CHECK_FAILS(timerfd_create(refused_clock(), 0), EINVAL);
    }
    CHECK(close(last[--n]) == 0);
    CHECK((fd = dup(spare)) == last[n]);
    CHECK(close(fd) == 0);
    while (n > 0) CHECK(close(last[--n]) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &saved) == 0);
    fd = new_timer(CLOCK_MONOTONIC, 0);
    set(fd, 0, MS, 0);
    CHECK(read_count(fd) == 1 && close(fd) == 0 && close(spare) == 0);
}

#ifdef HAS_ALARM_CLOCKS
/* Bit 35 of the process's capabilities is CAP_WAKE_ALARM, the right to wake the system. */
static int has_wake_alarm(void)
{
    char line[256];
    unsigned long long bits = 0;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "CapEff: %llx", &bits) == 1) break;
    fclose(file);
    return (int)(bits >> 35 & 1);
}

static void alarm_clocks_need_the_capability_to_wake_the_system(void)
{
    static const int clocks[] = {CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM};
    size_t i;
    for (i = 0; i < COUNT_OF(clocks); i++) {
        CHECK_FAILS(timerfd_create(clocks[i], 1), EINVAL);
        if (has_wake_alarm()) {
            int fd = new_timer(clocks[i], 0);
            set(fd, 0, MS, 0);
            CHECK(read_count(fd) == 1);
            close(fd);
        } else {
            CHECK_FAILS(timerfd_create(clocks[i], 0), EPERM);
        }
    }
}

/* The child starts as root and then gives up its privileges. */
static void settime_checks_the_capability_again(void)
{
    struct itimerspec s = spec(FAR, 0);
    int fd, status;
    pid_t child;
    if (!has_wake_alarm() || geteuid() != 0) return;
    CHECK((child = fork()) != -1);
    if (child == 0) {
        fd = new_timer(CLOCK_REALTIME_ALARM, 0);
        set(fd, 0, FAR, 0);
        CHECK(setuid(65534) == 0 && !has_wake_alarm());
        CHECK_FAILS(timerfd_settime(fd, 0, &s, NULL), EPERM);
        CHECK_BETWEEN(1, remaining(fd), FAR);
        CHECK_FAILS(timerfd_create(CLOCK_BOOTTIME_ALARM, 0), EPERM);
        CHECK_FAILS(timerfd_create(CLOCK_BOOTTIME_ALARM, 1), EINVAL);
        exit(7);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
#endif

int main(void)
{
    create_returns_the_lowest_free_descriptor();
    create_accepts_two_clocks_and_three_more_on_linux();
    create_accepts_two_flags();
    create_flags_set_the_mode_of_the_descriptor();
    a_new_timer_is_disarmed();
    create_fails_at_the_limit_of_descriptors();
#ifdef HAS_ALARM_CLOCKS
    alarm_clocks_need_the_capability_to_wake_the_system();
    settime_checks_the_capability_again();
#endif
    return 0;
}
