// A reactor: one timer in an epoll loop in C++, until it has reported MAX expirations.
// Linux only. Usage: reactor MAX
#include <sys/timerfd.h>

#ifdef __linux__
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <system_error>

static int checked(int result, const char *what)
{
    if (result == -1) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() { close(number_); }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    operator int() const { return number_; }

private:
    int number_;
};

class Handler {
public:
    virtual ~Handler() {}
    virtual void ready() = 0;
};

class Reactor {
public:
    Reactor() : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")), active_(true) {}
    void add(int fd, Handler &handler)
    {
        epoll_event event = epoll_event();
        event.events = EPOLLIN;
        event.data.ptr = &handler;
        checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    }
    void run()
    {
        while (active_) {
            epoll_event events[10];
            int n = checked(epoll_wait(epoll_, events, 10, -1), "epoll_wait");
            for (int i = 0; i < n; i++) static_cast<Handler *>(events[i].data.ptr)->ready();
        }
    }
    void stop() { active_ = false; }

private:
    Descriptor epoll_;
    bool active_;
};

class Ticker : public Handler {
public:
    Ticker(Reactor &reactor, long ns, unsigned long max)
        : reactor_(reactor), fd_(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "create")),
          left_(max)
    {
        itimerspec periodic = itimerspec(), before;
        periodic.it_value.tv_nsec = periodic.it_interval.tv_nsec = ns;
        checked(timerfd_settime(fd_, 0, &periodic, &before), "settime");
        reactor_.add(fd_, *this);
    }
    void ready() override
    {
        unsigned long long count = 0;
        if (read(fd_, &count, sizeof count) == -1) {
            if (errno == EAGAIN) return;
            throw std::system_error(errno, std::generic_category(), "read");
        }
        std::cout << "Timer triggered (" << count << ")" << std::endl;
        left_ = count < left_ ? left_ - count : 0;
        if (left_ == 0) reactor_.stop();
    }

private:
    Reactor &reactor_;
    Descriptor fd_;
    unsigned long long left_;
};

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    try {
        Reactor reactor;
        Ticker ticker(reactor, 10000000, std::strtoul(argv[1], nullptr, 10));
        reactor.run();
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}
#else
int main() { return 0; }
#endif
