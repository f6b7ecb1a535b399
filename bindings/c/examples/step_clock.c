/* Lets one program see a clock change, without setting the clock of the system. For Linux, and
   emulated timers only: the kernel does not know of this change.

     cc -shared -fPIC -o step_clock.so step_clock.c
     LD_PRELOAD=./step_clock.so PORTABLE_TIMERFD_BACKEND=userspace STEP_CLOCK=-60 program

   STEP_CLOCK is the size of the step in seconds. The step comes STEP_CLOCK_AFTER seconds after the
   start of the program, by default 1. If the program sets its timer later than that, the program
   sees no step. The loader preloads nothing into a static executable. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec start;

/* Runs before the program has threads, so clock_gettime needs no lock. */
__attribute__((constructor)) static void note_start(void)
{
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &start);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    const char *step = getenv("STEP_CLOCK"), *after = getenv("STEP_CLOCK_AFTER");
    struct timespec now;
    double passed;
    int failed = (int)syscall(SYS_clock_gettime, clock, time);
    if (failed || clock != CLOCK_REALTIME || step == NULL) return failed;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    passed = now.tv_sec - start.tv_sec + (now.tv_nsec - start.tv_nsec) / 1e9;
    if (passed >= (after ? atof(after) : 1)) time->tv_sec += atol(step);
    return 0;
}
