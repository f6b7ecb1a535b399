/* Loads and unloads the plugin of the first argument. With "gone" as the second argument, the
   plugin's code must be unloaded then, otherwise it must stay loaded. */
#include "check.h"

#include <dlfcn.h>
#include <sys/wait.h>

enum { ROUNDS = 100 };

static int is_loaded(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    return plugin && dlclose(plugin) == 0;
}

/* Lets the plugin create a timer, unloads the plugin, and returns the timer's descriptor. */
static int timer_of_unloaded(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int (*leave_armed)(void);
    int fd;
    CHECK(plugin);
    /* ISO C has no conversion from an object pointer to a function pointer. */
    *(void **)&leave_armed = dlsym(plugin, "leave_armed");
    CHECK(leave_armed);
    fd = leave_armed();
    CHECK(dlclose(plugin) == 0);
    return fd;
}

/* One count may be in the pipe already. Further counts come only from a thread that still runs. */
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
