/* Unloads the plugin of the first argument. The second argument says whether the plugin must be gone then. */
#include "check.h"

#include <dlfcn.h>
#include <sys/wait.h>

enum { ROUNDS = 100 };

static int is_loaded(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    return plugin && dlclose(plugin) == 0;
}

/* Has the plugin make a timer and unloads the plugin; the timer's descriptor. */
static int timer_of_unloaded(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int (*leave_armed)(void);
    int fd;
    CHECK(plugin);
    /* ISO C does not convert one of these pointers to the other. */
    *(void **)&leave_armed = dlsym(plugin, "leave_armed");
    CHECK(leave_armed);
    fd = leave_armed();
    CHECK(dlclose(plugin) == 0);
    return fd;
}

/* One message may have been there before; the others are those of a thread that still runs. */
static void check_ticks(int fd)
{
    uint64_t count;
    int i;
    for (i = 0; i < 3; i++) CHECK(read(fd, &count, sizeof count) == sizeof count && count > 0);
}

/* The handlers that the plugin registered run before and after the fork. */
static void check_fork(void)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
    int round, is_gone;
    CHECK(argc == 3);
    is_gone = strcmp(argv[2], "gone") == 0;
    for (round = 0; round < ROUNDS; round++) {
        int fd = timer_of_unloaded(argv[1]);
        CHECK(is_loaded(argv[1]) != is_gone);
        if (round % 10 == 0) check_ticks(fd);
        if (round % 10 == 5) check_fork();
        CHECK(close(fd) == 0);
    }
    return 0;
}
