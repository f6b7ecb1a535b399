/* What portable-timerfd adds to <sys/timerfd.h>: a read that reports clock changes on every
 * backend, the choice of the backend, the options of the timer thread, and the capabilities of a
 * clock.
 *
 * Linux does not have these functions. A program that calls them needs this library on Linux too.
 * portable_timerfd(3) describes them all. Unless stated otherwise, a function returns 0, or -1 with
 * an error in errno. No function may be called in a signal handler, except ptfd_version.
 *
 * A clock on a screen, which changes at every full minute and when the wall clock is changed. The
 * loop works on every backend. It reads the clock by clock_gettime, because time(2) of Linux may
 * still return the last second when the timer expires:
 *
 *     #include <portable_timerfd.h>
 *     #include <errno.h>
 *     #include <poll.h>
 *     #include <stddef.h>
 *
 *     void show(time_t minute);
 *
 *     static time_t this_minute(void)
 *     {
 *         struct timespec now;
 *         clock_gettime(CLOCK_REALTIME, &now);
 *         return now.tv_sec / 60 * 60;
 *     }
 *
 *     // Sets the timer to the next full minute, and returns the present one, or -1.
 *     static time_t arm(int fd)
 *     {
 *         struct itimerspec next = {{0, 0}, {0, 0}};
 *         const int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
 *         time_t minute;
 *         do {
 *             minute = this_minute();
 *             next.it_value.tv_sec = minute + 60;
 *             // ECANCELED: the clock was changed before this call. The time is set.
 *             if (timerfd_settime(fd, flags, &next, NULL) == -1 && errno != ECANCELED) return -1;
 *             // From here on, a read reports a change. Before, the minute shows it.
 *         } while (this_minute() != minute);
 *         return minute;
 *     }
 *
 *     int main(void)
 *     {
 *         int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
 *         struct pollfd entry = {-1, POLLIN, 0};
 *         time_t minute;
 *         if (fd == -1 || (minute = arm(fd)) == -1) return 1;
 *         show(minute);
 *         entry.fd = fd;
 *         while (poll(&entry, 1, -1) != -1 || errno == EINTR) {
 *             uint64_t count;
 *             if (ptfd_read(fd, &count) == 0 || errno == ECANCELED) {
 *                 // The minute has passed, or the clock was changed.
 *                 if ((minute = arm(fd)) == -1) return 1;
 *                 show(minute);
 *             } else if (errno != EAGAIN) {
 *                 return 1;
 *             }
 *         }
 *         return 1;
 *     }
 */
#ifndef PORTABLE_TIMERFD_H
#define PORTABLE_TIMERFD_H

#include <sys/timerfd.h>
#include <stdint.h>

/* The version of this header. */
#define PTFD_VERSION "0.1.0"
#define PTFD_VERSION_MAJOR 0
#define PTFD_VERSION_MINOR 1
#define PTFD_VERSION_PATCH 0

/* The kernel's timers if it has them, otherwise emulated ones. */
#define PTFD_BACKEND_BEST 0
/* Only the kernel's timers. */
#define PTFD_BACKEND_KERNEL 1
/* Only emulated timers. */
#define PTFD_BACKEND_USERSPACE 2

/* The capabilities of timers on one clock. 1 means yes, 0 means no, and -1 means not known. */
struct ptfd_capabilities {
	int backend;         /* PTFD_BACKEND_KERNEL or PTFD_BACKEND_USERSPACE */
	int counts_suspend;  /* absolute times: the clock advances while the system is suspended */
	int wakes_system;    /* an expiration ends a suspend */
	int cancel_on_set;   /* TFD_TIMER_CANCEL_ON_SET has an effect */
	int process_shared;  /* the timer works in a forked child and after exec */
	int jump_latency_ms; /* how soon the descriptor is readable after a jump of the clock, or -1 */
	int reserved[10];    /* 0 */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the version of the library, for example "0.1.0". */
const char *ptfd_version(void);

/* Stores the number of expirations up to now. If there are none, waits for one, or fails with
 * EAGAIN if fd has O_NONBLOCK. Stores nothing on an error.
 *
 * ECANCELED  the wall clock was changed, and the timer has TFD_TIMER_CANCEL_ON_SET. If the timer
 *            had already expired, it is now disarmed, even if it is periodic
 * EAGAIN     no expiration, and fd has O_NONBLOCK. This can follow POLLIN
 * EINTR      a signal handler ran during the wait; on the emulation even one with SA_RESTART
 * EBADF      fd is not open
 * EINVAL     fd is not a timer
 * EFAULT     count is null
 *
 * The call is no cancellation point. On Linux, a descriptor that is not a timer of this process, as
 * an emulated one of the parent, may be read as by read(2).
 */
int ptfd_read(int fd, uint64_t *count);

/* Makes this the backend of all timers of the process, and of its forked children. From then on,
 * PORTABLE_TIMERFD_BACKEND is ignored. PTFD_BACKEND_KERNEL succeeds on every system; where the
 * kernel has no timers, timerfd_create then fails with ENOSYS.
 *
 * EBUSY      a backend was set before, or timerfd_create was called
 * EINVAL     there is no such backend
 */
int ptfd_set_backend(int backend);

/* Sets the policy, priority and CPUs of the timer thread: "other", "fifo:60", "rr:10@0,2-3",
 * "other+exact". From then on, PORTABLE_TIMERFD_THREAD is ignored. The system checks the options
 * when the thread starts: see ptfd_start_thread.
 *
 * EBUSY      options were set before, the thread was started, or an emulated timer was created
 * EINVAL     the text is malformed, or a priority or CPU is out of range
 * EOPNOTSUPP this system cannot set these options
 * EFAULT     options is null
 */
int ptfd_set_thread_options(const char *options);

/* Starts the timer thread now, even if the kernel has timers. The thread then exists until the
 * process ends. A program can so learn of a failure early, or enter a sandbox afterwards.
 *
 * EINVAL     PORTABLE_TIMERFD_THREAD is malformed, or names a CPU that the system lacks
 * EPERM      no privilege for a real-time policy
 * ENOMEM     the system cannot start a thread
 */
int ptfd_start_thread(void);

/* Stores the capabilities of the timers that timerfd_create would create for this clock, without
 * fixing the choice of the backend. Fails with the errors of timerfd_create, or with EFAULT if
 * capabilities is null.
 */
int ptfd_capabilities(int clockid, struct ptfd_capabilities *capabilities);

#ifdef __cplusplus
}
#endif

#endif
