/* A library with three timeouts shows one descriptor, and its host waits for it in GLib's main
   loop. The library has one timer, which expires once, and arms it for its next deadline. */
#include <sys/timerfd.h>

#include <glib-unix.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define NEVER INT64_MAX

enum { BATCH, RETRY, HEARTBEAT, TIMEOUTS };

struct outbox {
    int fd;
    int64_t deadlines[TIMEOUTS]; /* on CLOCK_MONOTONIC, in nanoseconds */
    int64_t patience;
    int messages;
};

static void check(int is_fine, const char *what)
{
    if (is_fine) return;
    perror(what);
    exit(1);
}

static int64_t now(void)
{
    struct timespec time;
    check(clock_gettime(CLOCK_MONOTONIC, &time) == 0, "clock_gettime");
    return time.tv_sec * SECOND + time.tv_nsec;
}

static int first(const struct outbox *outbox)
{
    int i, first = 0;
    for (i = 1; i < TIMEOUTS; i++)
        if (outbox->deadlines[i] < outbox->deadlines[first]) first = i;
    return first;
}

/* A setting also discards an unread expiration, so the library never reads the timer. */
static void arm(struct outbox *outbox)
{
    int64_t deadline = outbox->deadlines[first(outbox)];
    struct itimerspec spec = {{0, 0}, {0, 0}};
    spec.it_value.tv_sec = deadline / SECOND;
    spec.it_value.tv_nsec = deadline % SECOND;
    check(timerfd_settime(outbox->fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0, "timerfd_settime");
}

static void outbox_open(struct outbox *outbox)
{
    outbox->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    check(outbox->fd != -1, "timerfd_create");
    outbox->deadlines[BATCH] = outbox->deadlines[RETRY] = NEVER;
    outbox->deadlines[HEARTBEAT] = now() + 55 * MS;
    outbox->patience = 40 * MS;
    outbox->messages = 0;
    arm(outbox);
}

/* Messages that closely follow each other are transmitted together. */
static void outbox_send(struct outbox *outbox)
{
    outbox->messages++;
    outbox->deadlines[BATCH] = now() + 20 * MS;
    arm(outbox);
}

/* Handles one deadline. Returns 0 when the library gives up, because no peer answers. */
static int expire(struct outbox *outbox, int timeout)
{
    int64_t deadline = outbox->deadlines[timeout];
    outbox->deadlines[timeout] = NEVER;
    if (timeout == HEARTBEAT) {
        printf("heartbeat\n");
        outbox->deadlines[HEARTBEAT] = deadline + 55 * MS;
        return 1;
    }
    if (outbox->patience > 160 * MS) {
        printf("give up\n");
        return 0;
    }
    printf("transmit %d messages\n", outbox->messages);
    outbox->deadlines[RETRY] = deadline + outbox->patience;
    outbox->patience *= 2;
    return 1;
}

/* Handles the deadlines that have passed, in order. Returns 0 when the library gives up. */
static int outbox_dispatch(struct outbox *outbox)
{
    int64_t time = now();
    int timeout, goes_on = 1;
    while (goes_on && outbox->deadlines[timeout = first(outbox)] <= time)
        goes_on = expire(outbox, timeout);
    arm(outbox);
    return goes_on;
}

struct host {
    GMainLoop *loop;
    struct outbox outbox;
    int wake_ups;
};

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct host *host = data;
    (void)fd;
    (void)condition;
    host->wake_ups++;
    if (outbox_dispatch(&host->outbox)) return G_SOURCE_CONTINUE;
    g_main_loop_quit(host->loop);
    return G_SOURCE_REMOVE;
}

int main(void)
{
    struct host host;
    host.loop = g_main_loop_new(NULL, FALSE);
    host.wake_ups = 0;
    outbox_open(&host.outbox);
    g_unix_fd_add(host.outbox.fd, G_IO_IN, on_readable, &host);
    outbox_send(&host.outbox);
    outbox_send(&host.outbox);
    outbox_send(&host.outbox);
    g_main_loop_run(host.loop);
    g_main_loop_unref(host.loop);
    printf("%d wake-ups\n", host.wake_ups);
    return close(host.outbox.fd) == 0 && fflush(stdout) == 0 ? 0 : 1;
}
