/* timerfd for every Unix: timers that are file descriptors, as Linux has them. Of portable-timerfd; link with -lportable_timerfd.
 *
 * timerfd_create(2) tells what the three functions do. Nothing else of a program is touched: a timer is read by read(2), waited for by
 * select, poll, epoll or kqueue, and ends with the last close(2). Its type and its flags are those of the system's own.
 *
 * On Linux the timers are the kernel's. Elsewhere, or with PORTABLE_TIMERFD_BACKEND=userspace in the environment, each is the reading
 * end of a pipe, which a thread of the library fills. The differences that a program can see then:
 *
 *   read of less than 8 bytes   takes them away, or waits; 0 bytes give 0                (Linux: EINVAL, nothing is taken)
 *   read, to a bad address      EFAULT, the count stays                                  (Linux: it is lost)
 *   read, while not read often  the count is as of the last refresh, at most 10 ms ago; what it misses comes with the next
 *   read, after a step of the   a count in which the step is one; settime tells of it    (Linux: ECANCELED)
 *   clock with CANCEL_ON_SET    by ECANCELED, within 250 ms of the step
 *   write                       EBADF                                                    (Linux: EINVAL)
 *   poll                        POLLIN | POLLRDNORM                                      (Linux: POLLIN alone)
 *   edge-triggered, not read    an event for each refresh                                (Linux: one, until it is read)
 *   fcntl F_GETFL, fstat        read-only, a FIFO; FIONREAD, splice and O_ASYNC work     (Linux: read-write, no type)
 *   after fork, in the child    settime and gettime: EINVAL. read takes from what the parent's timer gives. Once the parent is
 *                               gone, read gives 0, and poll POLLHUP without POLLIN, so that a loop which looks for POLLIN
 *                               alone spins. New timers work: make them after daemon()   (Linux: parent and child share it)
 *   after exec, or passed on    the same, as in a child of the process that made it (exec: as if that were gone)
 *   in a signal handler         only read and close may be called                        (Linux: all)
 *   close                       a descriptor of the library's for each timer is closed soon after, not at once
 *   wild pointers               EFAULT on Linux; elsewhere for null pointers only
 *   CLOCK_*_ALARM               wake no machine
 *
 * PORTABLE_TIMERFD_THREAD, for example fifo:60 or rr:10@0,2-3, chooses the policy, priority and CPUs of the thread.
 */
#ifndef PORTABLE_TIMERFD_SYS_TIMERFD_H
#define PORTABLE_TIMERFD_SYS_TIMERFD_H

#include <sys/types.h>
#include <fcntl.h>
#include <time.h>

#if defined __has_include
#if __has_include(<bits/types/struct_itimerspec.h>)
#include <bits/types/struct_itimerspec.h> /* <time.h> has it only if asked for POSIX */
#endif
#endif

/* On 32 bits, of glibc and of musl. */
#if (defined __USE_TIME_BITS64 && defined __TIMESIZE && __TIMESIZE == 32) || defined _REDIR_TIME64
#error "libportable_timerfd takes times of 32 bits here: build without _TIME_BITS=64, and not for 32-bit musl"
#endif

#ifdef __APPLE__
struct itimerspec {
	struct timespec it_interval;
	struct timespec it_value;
};
#endif

/* For timerfd_create. */
#ifdef O_CLOEXEC
#define TFD_CLOEXEC O_CLOEXEC
#elif defined __linux__
#define TFD_CLOEXEC 02000000
#endif
#define TFD_NONBLOCK O_NONBLOCK

/* For timerfd_settime. */
#define TFD_TIMER_ABSTIME 1
#define TFD_TIMER_CANCEL_ON_SET 2

struct itimerspec;

#ifdef __cplusplus
extern "C" {
#endif

int timerfd_create(int clockid, int flags);
int timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value);
int timerfd_gettime(int fd, struct itimerspec *curr_value);

#ifdef __cplusplus
}
#endif

#endif
