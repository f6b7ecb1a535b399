/* Prints the policy, the real-time priority and the CPUs of the timer thread, and whether the real
   and the effective user differ. Only Linux has calls for that. With the argument "malformed",
   checks that every create fails with EINVAL. */
#include "check.h"

#ifdef __linux__
#include "refuse.h"

#include <dirent.h>
#include <sched.h>

/* Returns the number of the thread with this name. Waits until a thread has set it. */
static pid_t thread_named(const char *name)
{
    for (;;) {
        struct dirent *entry;
        DIR *tasks = opendir("/proc/self/task");
        CHECK(tasks != NULL);
        while ((entry = readdir(tasks)) != NULL) {
            char path[300], comm[32] = "";
            FILE *file;
            snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
            file = fopen(path, "r");
            if (file == NULL) continue;
            CHECK(fscanf(file, "%31s", comm) <= 1);
            CHECK(fclose(file) == 0);
            if (strcmp(comm, name) == 0) {
                pid_t found = (pid_t)atoi(entry->d_name);
                CHECK(closedir(tasks) == 0);
                return found;
            }
        }
        CHECK(closedir(tasks) == 0);
    }
}

static void print_attributes(void)
{
    struct itimerspec far = spec(FAR, 0);
    struct sched_param parameters;
    cpu_set_t cpus;
    pid_t thread;
    int fd;
    /* A set-user-ID program ignores the environment, so nothing else can make its timers emulated. */
    if (getuid() != geteuid()) refuse_timerfd(ENOSYS);
    fd = new_timer(CLOCK_MONOTONIC, 0);
    CHECK_OK(timerfd_settime(fd, 0, &far, NULL));
    thread = thread_named("timerfd");
    CHECK(sched_getparam(thread, &parameters) == 0);
    CHECK(sched_getaffinity(thread, sizeof cpus, &cpus) == 0);
    printf("policy %d, priority %d, on %d CPUs, %s user\n", sched_getscheduler(thread),
           parameters.sched_priority, CPU_COUNT(&cpus), getuid() == geteuid() ? "the same" : "another");
}
#else
static void print_attributes(void)
{
    CHECK(!"the calls that this needs");
}
#endif

int main(int argc, char **argv)
{
    int i;
    if (argc == 1) {
        print_attributes();
        return 0;
    }
    CHECK(strcmp(argv[1], "malformed") == 0);
    for (i = 0; i < 3; i++) CHECK_FAILS(timerfd_create(CLOCK_MONOTONIC, 0), EINVAL);
    return 0;
}
