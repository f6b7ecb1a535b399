/* A plugin that has the static library in it: its host loads, calls and unloads it. */
#include "check.h"

/* The descriptor of an armed timer, which the host owns from now on. */
int leave_armed(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_CLOEXEC);
    set(fd, 0, MS, MS);
    return fd;
}
