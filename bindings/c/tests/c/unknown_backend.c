/* With an unknown backend, every create fails with EINVAL. The caller of this program checks the
   one line on standard error. */
#include "check.h"

int main(void)
{
    int i;
    for (i = 0; i < 3; i++) CHECK_FAILS(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), EINVAL);
    CHECK_FAILS(timerfd_create(CLOCK_REALTIME, 0), EINVAL);
    return 0;
}
