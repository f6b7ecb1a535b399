/* A backend that there is not: every create says EINVAL. That it is said once in words is for who runs this to see. */
#include "check.h"

int main(void)
{
    int i;
    for (i = 0; i < 3; i++) CHECK_FAILS(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), EINVAL);
    CHECK_FAILS(timerfd_create(CLOCK_REALTIME, 0), EINVAL);
    return 0;
}
