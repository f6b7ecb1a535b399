/* Options of the timer thread that are wrong do not bind a program: it can set others until the
   thread runs. PORTABLE_TIMERFD_THREAD is malformed. */
#include "check.h"

#include <portable_timerfd.h>

int main(void)
{
    int fd;
    CHECK_FAILS(ptfd_set_thread_options("fifo:10+exact"), EINVAL);
    CHECK_FAILS(ptfd_set_thread_options("rr:10+exact@0"), EINVAL);
    CHECK_FAILS(ptfd_start_thread(), EINVAL);
    CHECK_FAILS(timerfd_create(CLOCK_MONOTONIC, 0), EINVAL);
#ifdef __linux__
    /* The system has no such CPU. */
    CHECK_OK(ptfd_set_thread_options("other@8191"));
    CHECK_FAILS(ptfd_set_thread_options("other"), EBUSY);
    CHECK_FAILS(ptfd_start_thread(), EINVAL);
    CHECK_OK(ptfd_set_thread_options("other@8190"));
    fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    {
        struct itimerspec far_off = spec(FAR, 0);
        CHECK_FAILS(timerfd_settime(fd, 0, &far_off, NULL), EINVAL);
    }
    CHECK_OK(ptfd_set_thread_options("other"));
#else
    CHECK_OK(ptfd_set_thread_options("other"));
    fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
#endif
    set(fd, 0, MS, 0);
    until_ready(fd);
    CHECK_FAILS(ptfd_set_thread_options("other"), EBUSY);
    CHECK_OK(ptfd_start_thread());
    CHECK_FAILS(ptfd_set_thread_options("other"), EBUSY);
    CHECK(close(fd) == 0);
    return 0;
}
