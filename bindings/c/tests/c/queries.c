/* ptfd_capabilities only asks: it fixes no choice and starts no thread. With an argument, a sandbox
   refuses timerfd_create with that error. */
#include "check.h"

#include <portable_timerfd.h>

#ifdef __linux__
#include "refuse.h"

#include <dirent.h>

static int count_threads(void)
{
    int count = 0;
    struct dirent *entry;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    while ((entry = readdir(tasks)) != NULL) count += entry->d_name[0] != '.';
    CHECK(closedir(tasks) == 0);
    return count;
}
#else
static void refuse_timerfd(unsigned error)
{
    (void)error;
    CHECK(!"the calls that this needs");
}

static int count_threads(void)
{
    return 1;
}
#endif

static unsigned number_of(const char *name)
{
    if (strcmp(name, "ENOSYS") == 0) return ENOSYS;
    if (strcmp(name, "EPERM") == 0) return EPERM;
    CHECK(strcmp(name, "EACCES") == 0);
    return EACCES;
}

int main(int argc, char **argv)
{
    const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    struct ptfd_capabilities found;
    int emulated = argc > 1;
    size_t i;
    if (emulated) refuse_timerfd(number_of(argv[1]));
#ifndef __linux__
    emulated = 1;
#endif
    for (i = 0; i < COUNT_OF(clocks); i++) {
        CHECK_OK(ptfd_capabilities(clocks[i], &found));
        CHECK(found.backend == (emulated ? PTFD_BACKEND_USERSPACE : PTFD_BACKEND_KERNEL));
        CHECK(found.process_shared == !emulated);
    }
    CHECK(count_threads() == 1);
    CHECK_OK(ptfd_set_backend(PTFD_BACKEND_USERSPACE));
    CHECK_OK(ptfd_capabilities(CLOCK_MONOTONIC, &found));
    CHECK(found.backend == PTFD_BACKEND_USERSPACE);
    CHECK_OK(ptfd_set_thread_options("other"));
    return 0;
}
