/* The header first, included twice, in every version of C and C++: it declares all that a program
   needs. */
#if !defined(__cplusplus) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <sys/timerfd.h>
#include <sys/timerfd.h>

#include <unistd.h>

int main(void)
{
    struct itimerspec set, old;
    int fd;
    int (*settime)(int, int, const struct itimerspec *, struct itimerspec *) = timerfd_settime;
    int (*gettime)(int, struct itimerspec *) = timerfd_gettime;
    set.it_value.tv_sec = 1000;
    set.it_value.tv_nsec = 0;
    set.it_interval = set.it_value;
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0 || settime(fd, 0, &set, &old) != 0 || old.it_value.tv_sec != 0) return 1;
    if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &set, &old) != 0) return 1;
    if (old.it_value.tv_sec > 1000 || old.it_interval.tv_sec != 1000) return 1;
    if (gettime(fd, &old) != 0 || timerfd_gettime(fd, &old) != 0 || old.it_interval.tv_sec != 1000) return 1;
    return close(fd);
}
