/* timerfd for every Unix: timers that are file descriptors, with the interface of Linux.
 *
 * Part of portable-timerfd; link with -lportable_timerfd.
 *
 * timerfd_create(2) describes the three functions. The library replaces no other function: a
 * program reads a timer with read(2), waits for it with select, poll, epoll or kqueue, and ends it
 * with the last close(2). The types and flags are those of the system. On glibc, with -std=c99 and
 * the like, define _POSIX_C_SOURCE as 200809L before the first include. On other systems, prefer
 * -std=gnu99: the macro can hide other functions there.
 *
 * On Linux the timers are the kernel's. The library emulates timers on other systems, if the kernel
 * has no timerfd (ENOSYS), if a sandbox forbids it (EPERM or EACCES), and if the program, or
 * PORTABLE_TIMERFD_BACKEND=userspace in the environment, chooses so. An emulated timer is the read
 * end of a pipe, and one thread of the library writes to all pipes. A program can then see these
 * differences (timers of Linux in parentheses):
 *
 *   read of fewer than 8 bytes  returns those bytes of the count, or blocks; 0 bytes return 0
 *                               (EINVAL, the count stays)
 *   read to a bad address       EFAULT; the count stays, or is lost on OpenBSD (it is lost)
 *   read after a long time      the count at the last refresh. Refreshes of an unread count are
 *                               1.6 ms apart (10 ms on Apple systems), or up to 1 s if thousands of
 *                               timers are unread. The next read returns the rest
 *   clock step with             readable within 250 ms plus the latency of a wake-up; read returns
 *   TFD_TIMER_CANCEL_ON_SET     a count in which the step counts as one, and the next settime with
 *                               that flag fails with ECANCELED (read fails with ECANCELED)
 *   write                       never changes the count. EBADF; on some systems EAGAIN, or success
 *                               (EINVAL)
 *   poll                        POLLIN | POLLRDNORM (POLLIN alone)
 *   edge-triggered, unread      one event for each refresh (one until it is read)
 *   fcntl F_GETFL, fstat        read-only, but read-write where pipes are bidirectional, as on
 *                               FreeBSD; a FIFO or a socket. FIONREAD, splice and O_ASYNC work
 *                               (read-write, no type)
 *   after fork, in the child    settime and gettime: EINVAL. read consumes expirations of the
 *                               parent's timer. After the parent has ended, read returns 0, and
 *                               poll reports POLLHUP. Linux does not report POLLIN then, so a loop
 *                               that checks only for POLLIN spins. BSDs report both. New timers
 *                               work: create them after daemon() (parent and child share the timer)
 *   in another process          as in a child of the process that created the timer
 *   after exec                  as in a child whose parent has ended
 *   in a signal handler         only read and close may be called (all calls)
 *   close                       the library closes its own descriptor of the timer later
 *   bad pointers                EFAULT on Linux; on other systems only for null pointers
 *   CLOCK_*_ALARM               do not wake the system
 *   absolute CLOCK_MONOTONIC    on macOS and OpenBSD, the timer does not count later suspends, and
 *                               on macOS no later slewing of the wall clock
 *
 * PORTABLE_TIMERFD_THREAD, for example fifo:60 or rr:10@0,2-3, sets the policy, priority and CPUs
 * of the thread.
 *
 * A raw read(2) of a pipe cannot fail with ECANCELED: the read itself does not tell a clock change
 * from an expiration. The next timerfd_settime with the flag does: it fails with ECANCELED, and has
 * set the timer. So a loop that works on Linux and on the emulation computes the time anew after
 * every read, and does not use the interval. ptfd_read(3) shows such a loop. If a program must know
 * at the read which of the two it was, it calls ptfd_read of <portable_timerfd.h>.
 */
#ifndef PORTABLE_TIMERFD_SYS_TIMERFD_H
#define PORTABLE_TIMERFD_SYS_TIMERFD_H

#include <sys/types.h>
#include <fcntl.h>
#include <time.h>

#if defined __has_include
#if __has_include(<bits/types/struct_itimerspec.h>)
#include <bits/types/struct_itimerspec.h> /* <time.h> has it only in POSIX mode */
#endif
#endif

/* True on 32-bit glibc with _TIME_BITS=64, and on 32-bit musl. */
#if (defined __USE_TIME_BITS64 && defined __TIMESIZE && __TIMESIZE == 32) || defined _REDIR_TIME64
#error "libportable_timerfd takes times of 32 bits here: build without _TIME_BITS=64, and not for 32-bit musl"
#endif

#ifdef __APPLE__
struct itimerspec {
	struct timespec it_interval;
	struct timespec it_value;
};
#endif

/* Flags of timerfd_create. */
#ifdef O_CLOEXEC
#define TFD_CLOEXEC O_CLOEXEC
#elif defined __linux__
#define TFD_CLOEXEC 02000000
#endif
#define TFD_NONBLOCK O_NONBLOCK

/* Flags of timerfd_settime. */
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
