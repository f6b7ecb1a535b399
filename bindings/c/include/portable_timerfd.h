/* What portable-timerfd adds to <sys/timerfd.h>: a read that reports clock changes on every
 * backend, the choice of the backend, the options of the timer thread, and the capabilities of a
 * clock.
 *
 * Linux does not have these functions. A program that calls them needs this library on Linux too.
 * portable_timerfd(3) describes them all. Unless stated otherwise, a function returns 0, or -1 with
 * an error in errno. No function may be called in a signal handler, except ptfd_version. A null
 * pointer gives EFAULT. Other bad pointers are dereferenced.
 *
 * On glibc, with -std=c99 and the like, define _POSIX_C_SOURCE as 200809L before the first include.
 *
 * ptfd_read(3) shows a clock on a screen, which changes at every full minute and when the wall
 * clock is changed.
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

/* The capabilities of timers on one clock. */
struct ptfd_capabilities {
	int backend;         /* PTFD_BACKEND_KERNEL or PTFD_BACKEND_USERSPACE */
	/* 1 means yes, 0 means no, and -1 means not known: */
	int counts_suspend;  /* absolute times: the clock advances while the system is suspended */
	int wakes_system;    /* an expiration ends a suspend */
	int cancel_on_set;   /* TFD_TIMER_CANCEL_ON_SET has an effect */
	int process_shared;  /* the timer works in a forked child and after exec */
	/* The longest delay, in milliseconds, until the descriptor is readable after a change of the
	   clock, or after a suspend that the clock counts. 0 for the kernel's timers, and for a clock
	   that is never changed and counts no suspends. -1 if the delay is not known. */
	int jump_latency_ms;
	int reserved[10];    /* 0 */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the version of the library, for example "0.1.0". */
const char *ptfd_version(void);

/* Stores the number of expirations since the last read or setting. If there are none, waits for
 * one, or fails with EAGAIN if fd has O_NONBLOCK. Stores nothing on an error.
 *
 * ECANCELED  the wall clock was changed, and the timer has TFD_TIMER_CANCEL_ON_SET. If the timer
 *            had already expired, it is now disarmed, even if it is periodic. Otherwise it stays
 *            armed
 * EAGAIN     no expiration, and fd has O_NONBLOCK. This can follow POLLIN
 * EINTR      a signal handler ran during the wait; on the emulation even one with SA_RESTART
 * EBADF      fd is not open
 * EINVAL     fd is not a timer
 * EFAULT     count is null. The expirations stay unread
 *
 * The call is no cancellation point. On Linux, a descriptor of another file, or of an emulated
 * timer that the parent of this process has created, can, instead of EINVAL, be read: bytes are
 * lost.
 */
int ptfd_read(int fd, uint64_t *count);

/* Makes this the backend of all timers of the process, and of its forked children. From then on,
 * PORTABLE_TIMERFD_BACKEND is ignored. PTFD_BACKEND_KERNEL succeeds on every system; where the
 * kernel has no timers, timerfd_create then fails with ENOSYS.
 *
 * EBUSY      a backend was set before, or timerfd_create was called, even if it failed
 * EINVAL     there is no such backend
 */
int ptfd_set_backend(int backend);

/* Sets the policy, priority and CPUs of the timer thread: "other", "fifo:60", "rr:10@0,2-3",
 * "other+exact". From then on, PORTABLE_TIMERFD_THREAD is ignored. The system checks the options
 * when the thread starts: see ptfd_start_thread. If the start fails, the program can set others.
 *
 * EBUSY      options were set before, the thread was started, or an emulated timer was created; not
 *            after a start of the thread that has failed
 * EINVAL     the text is malformed, for example "fifo:10+exact". Or a priority is out of range (1
 *            to 99 on Linux), or a CPU (0 to 8191)
 * EOPNOTSUPP this system cannot set these options
 * EFAULT     options is null
 */
int ptfd_set_thread_options(const char *options);

/* Starts the timer thread now, even if the kernel has timers. The thread then exists until the
 * process ends. A program calls the function to learn of a failure early, or before it enters a
 * sandbox. If the thread already runs, returns 0. A forked child has no thread until it creates an
 * emulated timer or calls this function.
 *
 * EINVAL     PORTABLE_TIMERFD_THREAD is malformed, or the system has none of the CPUs
 * EPERM      no privilege for a real-time policy
 * ENOMEM     the system cannot start a thread
 */
int ptfd_start_thread(void);

/* Stores the capabilities of the timers that timerfd_create would create for this clock, without
 * fixing the choice of the backend. Does not read PORTABLE_TIMERFD_THREAD. Fails with the errors of
 * timerfd_create, or with EFAULT if capabilities is null.
 */
int ptfd_capabilities(int clockid, struct ptfd_capabilities *capabilities);

#ifdef __cplusplus
}
#endif

#endif
