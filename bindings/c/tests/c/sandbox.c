/* A sandbox that kills the process at any call of timerfd, and at calls that few sandboxes allow.
   The timers are emulated, so the library makes no such call. */
#include "check.h"

#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define IF_CALL(name) {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_##name}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS}

static void enter_the_sandbox(void)
{
    struct sock_filter filter[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
        IF_CALL(timerfd_create), IF_CALL(timerfd_settime), IF_CALL(timerfd_gettime),
        IF_CALL(getitimer), IF_CALL(setitimer), IF_CALL(process_vm_readv), IF_CALL(process_vm_writev),
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    struct sock_fprog program = {COUNT_OF(filter), filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void bad_pointers_are_detected(int fd)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), half = sizeof(struct itimerspec) / 2;
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct itimerspec far_off = {{0, 0}, {1000, 0}};
    size_t offset;
    CHECK(two != MAP_FAILED && mprotect(two + page, page, PROT_NONE) == 0);
    for (offset = page - sizeof far_off + 1; offset < page + half; offset++) {
        struct itimerspec *unmapped = (struct itimerspec *)(void *)(two + offset);
        CHECK_FAILS(timerfd_settime(fd, 0, unmapped, NULL), EFAULT);
        CHECK_FAILS(timerfd_gettime(fd, unmapped), EFAULT);
    }
    CHECK_OK(timerfd_settime(fd, 0, &far_off, (struct itimerspec *)(void *)(two + page - sizeof far_off)));
    CHECK_OK(timerfd_gettime(fd, (struct itimerspec *)(void *)(two + page - sizeof far_off)));
    CHECK(mprotect(two, page, PROT_READ) == 0);
    CHECK_FAILS(timerfd_gettime(fd, (struct itimerspec *)(void *)two), EFAULT);
    munmap(two, 2 * page);
}

static void the_probe_keeps_the_signal_mask(int fd)
{
    sigset_t before, after;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &before) == 0);
    bad_pointers_are_detected(fd);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &after) == 0);
    CHECK(memcmp(&before, &after, 8) == 0);
}

int main(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    enter_the_sandbox();
    the_probe_keeps_the_signal_mask(fd);
    set(fd, 0, MS, 0);
    until_ready(fd);
    CHECK(close(fd) == 0);
    return 0;
}
