/* Known differences of emulated timers from Linux. Programs should not rely on this behaviour. */
#include "check.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int expired_timer(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
    set(fd, 0, 1, 0);
    until_ready(fd);
    return fd;
}

/* Whether pipes have no inode number on this system. A timer is then a socket. */
static int is_socket(int fd)
{
    struct stat status;
    CHECK(fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)));
    return S_ISSOCK(status.st_mode);
}

/* Pipes and sockets of some systems are bidirectional. */
static void a_write_leaves_the_count_unchanged(int fd)
{
#ifdef __linux__
    if (!is_socket(fd)) {
        CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
        CHECK_FAILS(write(fd, "12345678", 8), EBADF);
        return;
    }
#endif
    ssize_t n = write(fd, "12345678", 8);
    CHECK((n == 8 && !is_socket(fd)) || (n == -1 && (errno == EBADF || errno == EAGAIN)));
}

static void a_timer_is_the_read_end_of_a_pipe(void)
{
    int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), bytes = -1;
    a_write_leaves_the_count_unchanged(fd);
    check_empty(fd);
    CHECK_FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
    CHECK(ioctl(fd, FIONREAD, &bytes) == 0 && bytes == 0);
    set(fd, 0, 1, 0);
    CHECK(polled(fd, POLLRDNORM, -1) == POLLRDNORM);
    CHECK(ioctl(fd, FIONREAD, &bytes) == 0 && bytes == 8);
    a_write_leaves_the_count_unchanged(fd);
    CHECK(read_count(fd) == 1);
    check_empty(fd);
    close(fd);
}

/* OpenBSD's sockets lose the bytes that they cannot copy. */
static void a_read_to_a_bad_address_fails(void)
{
    int fd = expired_timer();
    CHECK_FAILS(read(fd, (void *)-1L, 8), EFAULT);
#ifdef __linux__
    CHECK(is_ready(fd));
#endif
    if (is_ready(fd)) CHECK(read_count(fd) == 1);
    check_empty(fd);
    set(fd, 0, 1, 0);
    until_ready(fd);
    CHECK(read_count(fd) == 1);
    close(fd);
}

static void a_short_read_consumes_part_of_the_count(void)
{
    int fd = expired_timer();
    unsigned char buffer[16] = {0};
    uint64_t count;
    CHECK(read(fd, buffer, 0) == 0);
    CHECK(read(fd, buffer, 7) == 7);
    CHECK(read(fd, buffer + 7, 8) == 1);
    memcpy(&count, buffer, sizeof count);
    CHECK(count == 1);
    check_empty(fd);
    set(fd, 0, 1, 0);
    until_ready(fd);
    CHECK(read(fd, buffer, 3) == 3);
    set(fd, 0, 1, 0);
    until_ready(fd);
    CHECK(read_count(fd) == 1);
    close(fd);
}

static void a_timer_can_be_opened_again_through_proc(void)
{
#ifdef __linux__
    int fd = expired_timer(), again;
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    if (is_socket(fd)) return;
    CHECK((again = open(name, O_RDONLY | O_NONBLOCK)) >= 0);
    CHECK(read_count(again) == 1);
    check_empty(fd);
    close(fd), close(again);
#endif
}

static void check_child(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void check_calls_fail(int fd)
{
    struct itimerspec s = spec(FAR, 0);
    CHECK_FAILS(timerfd_settime(fd, 0, &s, NULL), EINVAL);
    CHECK_FAILS(timerfd_gettime(fd, &s), EINVAL);
}

static void a_forked_child_can_read_but_not_set(void)
{
    int fd = expired_timer();
    pid_t child = fork();
    CHECK(child != -1);
    if (child == 0) {
        check_calls_fail(fd);
        CHECK(read_count(fd) == 1);
        exit(7);
    }
    check_child(child);
    check_empty(fd);
    CHECK(is_spec(get(fd), 0, 0));
    close(fd);
}

/* A parent creates a timer and a child, and ends. The timer thread ends with it. */
static void a_child_reads_end_of_file_after_its_parent_has_ended(void)
{
    int ends[2];
    char gave = 1;
    pid_t parent;
    CHECK(pipe(ends) == 0 && (parent = fork()) != -1);
    if (parent == 0) {
        int fd = new_timer(CLOCK_MONOTONIC, 0);
        set(fd, 0, FAR, 0);
        if (fork() == 0) {
            uint64_t count = 5;
            /* The first call, which closes the library's descriptors on OpenBSD. If the child itself
               had the write end, the read would block for ever. */
            check_calls_fail(fd);
            alarm(60);
            /* Linux reports the end of a pair of sockets by this error, the BSDs do not. */
            CHECK(read(fd, &count, sizeof count) == 0 || (is_socket(fd) && errno == ECONNRESET));
            CHECK(count == 5 && read(fd, &count, sizeof count) == 0);
            /* The BSDs report an end of file as readable, and a socket's end as writable too. */
            CHECK(polled(fd, POLLIN, 0) & POLLHUP);
            check_calls_fail(fd);
            CHECK(write(ends[1], "", 1) == 1);
            exit(0);
        }
        exit(7);
    }
    check_child(parent);
    close(ends[1]);
    CHECK(read(ends[0], &gave, 1) == 1 && gave == '\0');
    close(ends[0]);
}

/* The program after the exec: this one again, with the number of the descriptor. */
static int executed(const char *text)
{
    int fd = atoi(text), own = new_timer(CLOCK_MONOTONIC, 0);
    check_calls_fail(fd);
    CHECK(take(fd) == 1);
    check_calls_fail(fd);
    set(own, 0, 1, 0);
    CHECK(read_count(own) == 1);
    return 7;
}

static void an_executed_program_can_read_but_not_set(char *self)
{
    int fd = new_timer(CLOCK_MONOTONIC, 0);
    char text[16];
    pid_t child;
    snprintf(text, sizeof text, "%d", fd);
    set(fd, 0, 30 * MS, 0);
    CHECK((child = fork()) != -1);
    if (child == 0) {
        execl(self, self, text, (char *)NULL);
        _exit(1);
    }
    check_child(child);
    CHECK(!is_ready(fd));
    set(fd, 0, MS, 0);
    CHECK(read_count(fd) == 1);
    close(fd);
}

union control {
    char buffer[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
};

static void prepare(struct msghdr *message, struct iovec *one, union control *control)
{
    static char byte;
    memset(message, 0, sizeof *message);
    memset(control, 0, sizeof *control);
    one->iov_base = &byte;
    one->iov_len = 1;
    message->msg_iov = one;
    message->msg_iovlen = 1;
    message->msg_control = control->buffer;
    message->msg_controllen = sizeof control->buffer;
}

static void receive(int from)
{
    struct msghdr message;
    struct iovec one;
    union control control;
    int fd;
    prepare(&message, &one, &control);
    CHECK(recvmsg(from, &message, 0) == 1 && CMSG_FIRSTHDR(&message) != NULL);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    check_calls_fail(fd);
    CHECK(take(fd) == 1);
    exit(7);
}

static void a_receiving_process_can_read_but_not_set(void)
{
    struct msghdr message;
    struct iovec one;
    union control control;
    struct cmsghdr *header;
    int pair[2], fd;
    pid_t child;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && (child = fork()) != -1);
    if (child == 0) receive(pair[1]);
    fd = new_timer(CLOCK_MONOTONIC, 0);
    set(fd, 0, 5 * MS, 0);
    prepare(&message, &one, &control);
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    CHECK(sendmsg(pair[0], &message, 0) == 1);
    check_child(child);
    CHECK(!is_ready(fd));
    close(fd), close(pair[0]), close(pair[1]);
}

int main(int argc, char **argv)
{
    if (argc == 2) return executed(argv[1]);
    a_receiving_process_can_read_but_not_set();
    a_timer_is_the_read_end_of_a_pipe();
    a_read_to_a_bad_address_fails();
    a_short_read_consumes_part_of_the_count();
    a_timer_can_be_opened_again_through_proc();
    a_forked_child_can_read_but_not_set();
    a_child_reads_end_of_file_after_its_parent_has_ended();
    an_executed_program_can_read_but_not_set(argv[0]);
    return 0;
}
