/* <portable_timerfd.h> first, included twice, in every version of C and C++: it declares all that a
   program needs. */
#if !defined(__cplusplus) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <portable_timerfd.h>
#include <portable_timerfd.h>

int main(void)
{
    struct ptfd_capabilities found;
    uint64_t count;
    const char *(*version)(void) = ptfd_version;
    int (*read_timer)(int, uint64_t *) = ptfd_read;
    if (version()[0] == '\0' || ptfd_set_backend(PTFD_BACKEND_BEST) != 0) return 1;
    if (ptfd_set_thread_options("other") != 0 || ptfd_start_thread() != 0) return 1;
    if (ptfd_capabilities(CLOCK_REALTIME, &found) != 0) return 1;
    if (found.backend != PTFD_BACKEND_KERNEL && found.backend != PTFD_BACKEND_USERSPACE) return 1;
    return read_timer(-1, &count) == 0;
}
