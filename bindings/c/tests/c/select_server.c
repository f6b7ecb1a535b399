/* A server with three timers on the wall clock. One select(2) waits for all descriptors in all
   three sets. A client stops the server. */
#include "check.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sys/select.h>
#include <sys/socket.h>

#define TIMERS 3

static int timers[TIMERS], listener, client = -1, active = 1;

static void listen_at(const char *port)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    printf("Listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
}

/* The periods are 20 ms, 40 ms and 60 ms. */
static void start_timers(void)
{
    int i;
    for (i = 0; i < TIMERS; i++) {
        timers[i] = new_timer(CLOCK_REALTIME, TFD_NONBLOCK);
        set(timers[i], 0, (i + 1) * 20 * MS, (i + 1) * 20 * MS);
    }
}

static void read_timer(int number)
{
    uint64_t count;
    ssize_t n = read(timers[number], &count, sizeof count);
    if (n == -1 && errno == EAGAIN) return;
    CHECK(n == 8);
    printf("Timer %d expired %" PRIu64 " times\n", number + 1, count);
}

static void read_client(void)
{
    char text[256];
    ssize_t n = recv(client, text, sizeof text - 1, 0);
    CHECK(n >= 0);
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    if (n == 0) {
        printf("Closing connection\n");
        CHECK(close(client) == 0);
        client = -1;
    } else if (strcmp(text, "stop") == 0) {
        printf("Stopping server\n");
        active = 0;
    } else {
        printf("Unknown command: %s\n", text);
    }
}

static int add(int fd, int last, fd_set *in, fd_set *out, fd_set *except)
{
    if (fd < 0) return last;
    FD_SET(fd, in);
    FD_SET(fd, out);
    FD_SET(fd, except);
    return fd > last ? fd : last;
}

/* A client is nearly always writable, so select would return at once: it is not put into the write
   set. */
static void serve_once(void)
{
    fd_set in, out, except;
    int i, last = -1, had_client = client >= 0;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    for (i = 0; i < TIMERS; i++) last = add(timers[i], last, &in, &out, &except);
    last = add(listener, last, &in, &out, &except);
    last = add(client, last, &in, &out, &except);
    if (had_client) FD_CLR(client, &out);
    CHECK(select(last + 1, &in, &out, &except, NULL) > 0);
    for (i = 0; i < TIMERS; i++) {
        CHECK(!FD_ISSET(timers[i], &out) && !FD_ISSET(timers[i], &except));
        if (FD_ISSET(timers[i], &in)) read_timer(i);
    }
    if (had_client && FD_ISSET(client, &in)) read_client();
    if (FD_ISSET(listener, &in) && client < 0) {
        CHECK((client = accept(listener, NULL, NULL)) >= 0);
        printf("Accepted connection\n");
    }
}

int main(int argc, char **argv)
{
    int i;
    CHECK(argc == 2);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    listen_at(argv[1]);
    start_timers();
    while (active) serve_once();
    for (i = 0; i < TIMERS; i++) CHECK(close(timers[i]) == 0);
    return close(client) == 0 && close(listener) == 0 ? 0 : 1;
}
