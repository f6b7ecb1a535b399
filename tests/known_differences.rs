//! Known differences between the emulation and Linux that `docs/parity.md` lists, each shown on
//! both backends.
//!
//! `tests/conformance` and `tests/pollers` test the common behaviour, `tests/clock_changes` clock
//! changes, `tests/process` the process around the timers.

#[cfg(target_os = "linux")]
#[path = "common/mod.rs"]
mod common;

#[cfg(target_os = "linux")]
mod on_linux {
    use super::common::{until_readable, userspace_builder, HOUR};
    use nix::errno::Errno;
    use nix::fcntl::{fcntl, FcntlArg, OFlag};
    use nix::libc;
    use nix::sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};
    use nix::sys::stat::{fstat, SFlag};
    use nix::unistd::{lseek, read, write, Whence};
    use portable_timerfd::backends::kernel::KernelTimer;
    use portable_timerfd::{backends, Backend, Clock, TimerFd, TimerSpec};
    use std::io::Write;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    const BACKENDS: [Backend; 2] = [backends::kernel::BACKEND, backends::userspace::BACKEND];

    /// Opens a timer on the kernel backend and one on the userspace backend.
    fn both() -> [TimerFd; 2] {
        let builder = TimerFd::builder(Clock::Monotonic);
        BACKENDS.map(|backend| builder.backend(backend).open().unwrap())
    }

    /// Opens both timers and lets them expire.
    fn both_expired() -> [TimerFd; 2] {
        let timers = both();
        for timer in &timers {
            timer.arm_after(Duration::ZERO).unwrap();
            until_readable(timer);
        }
        timers
    }

    /// Returns all events that `poll(2)` reports.
    fn poll(fd: BorrowedFd<'_>) -> i16 {
        let all = libc::POLLIN | libc::POLLPRI | libc::POLLOUT | libc::POLLRDNORM | libc::POLLRDBAND | libc::POLLWRNORM;
        let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: all, revents: 0 };
        // SAFETY: `entry` is one valid `pollfd`.
        unsafe { libc::poll(&mut entry, 1, 0) };
        entry.revents
    }

    #[test]
    fn a_read_of_fewer_than_eight_bytes() {
        let [kernel, userspace] = both_expired();
        let mut bytes = [0; 7];
        assert_eq!(read(&kernel, &mut bytes), Err(Errno::EINVAL));
        assert_eq!(read(&userspace, &mut bytes), Ok(7));
        assert_eq!(kernel.read().unwrap(), 1, "nothing is lost");
        assert!(userspace.read().is_err(), "the rest of the message is discarded");
        userspace.arm_after(Duration::ZERO).unwrap();
        assert_eq!(userspace.read().unwrap(), 1, "the next one is whole");
        assert_eq!([read(&kernel, &mut []), read(&userspace, &mut [])], [Err(Errno::EINVAL), Ok(0)]);
    }

    /// Between the expiration and its interrupt, Linux may report no remaining time.
    #[test]
    fn a_periodic_timer_at_the_moment_of_its_expiration() {
        let [_, userspace] = both();
        let interval = Duration::from_micros(50);
        for round in 0..2_000 {
            let goal = Clock::Monotonic.now().unwrap() + interval;
            userspace.arm_every(interval).unwrap();
            while Clock::Monotonic.now().unwrap() < goal {}
            assert!(userspace.get().unwrap().is_armed(), "round {round}");
            assert!(userspace.replace(&TimerSpec::disarmed()).unwrap().is_armed(), "round {round}");
        }
    }

    #[test]
    fn wait_after_a_partial_read() {
        let timer = userspace_builder(Clock::Monotonic).nonblocking(false).open().unwrap();
        timer.arm_after(Duration::ZERO).unwrap();
        assert_eq!(read(&timer, &mut [0; 3]), Ok(3));
        let over = timer.wait(Some(Duration::from_millis(5))).unwrap_err();
        assert_eq!(over.kind(), std::io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_blocked_read_during_a_partial_read() {
        let timer = userspace_builder(Clock::Monotonic).nonblocking(false).open().unwrap();
        for _ in 0..100 {
            std::thread::scope(|scope| {
                let partial = scope.spawn(|| read(&timer, &mut [0; 3]));
                let whole = scope.spawn(|| timer.read());
                // Either reader may get the first message, or the rest of it.
                while !partial.is_finished() || !whole.is_finished() {
                    std::thread::sleep(Duration::from_millis(1));
                    timer.arm_after(Duration::ZERO).unwrap();
                }
                assert_eq!(partial.join().unwrap(), Ok(3));
                assert_eq!(whole.join().unwrap().unwrap(), 1);
            });
        }
    }

    /// A pipe can be opened again by its name in `/proc`, also for writing.
    #[test]
    fn reopening_through_proc() {
        let [kernel, userspace] = both();
        let open = |timer: &TimerFd, flags| {
            let name = format!("/proc/self/fd/{}", timer.as_raw_fd());
            nix::fcntl::open(name.as_str(), flags | OFlag::O_NONBLOCK, nix::sys::stat::Mode::empty()).map(drop)
        };
        for flags in [OFlag::O_RDONLY, OFlag::O_WRONLY] {
            assert!(matches!(open(&kernel, flags), Err(Errno::ENXIO | Errno::EACCES)), "EACCES without root");
            assert_eq!(open(&userspace, flags), Ok(()));
        }
        let name = format!("/proc/self/fd/{}", userspace.as_raw_fd());
        let mut foreign = std::fs::OpenOptions::new().write(true).open(name).unwrap();
        let reads: [&dyn Fn() -> std::io::Result<u64>; 3] =
            [&|| userspace.read(), &|| userspace.try_read(), &|| userspace.wait(None)];
        for read in reads {
            foreign.write_all(&7u64.to_ne_bytes()).unwrap();
            assert_eq!(read().unwrap(), 7);
            foreign.write_all(&[7; 3]).unwrap();
            let over = userspace.wait(Some(Duration::from_millis(1))).unwrap_err();
            assert_eq!(over.kind(), std::io::ErrorKind::TimedOut);
        }
    }

    #[test]
    fn a_write() {
        let [kernel, userspace] = both();
        assert_eq!(write(&kernel, &[0; 8]), Err(Errno::EINVAL));
        assert_eq!(write(&userspace, &[0; 8]), Err(Errno::EBADF));
    }

    #[test]
    fn the_kind_of_file() {
        let [kernel, userspace] = both();
        let kind = |timer: &TimerFd| SFlag::from_bits_truncate(fstat(timer).unwrap().st_mode) & SFlag::S_IFMT;
        assert_eq!([kind(&kernel), kind(&userspace)], [SFlag::empty(), SFlag::S_IFIFO]);
        let access = |timer: &TimerFd| fcntl(timer, FcntlArg::F_GETFL).unwrap() & libc::O_ACCMODE;
        assert_eq!([access(&kernel), access(&userspace)], [libc::O_RDWR, libc::O_RDONLY]);
        let name = |timer: &TimerFd| std::fs::read_link(format!("/proc/self/fd/{}", timer.as_raw_fd())).unwrap();
        assert_eq!(name(&kernel).to_str(), Some("anon_inode:[timerfd]"));
        assert!(name(&userspace).to_str().unwrap().starts_with("pipe:["));
        let info =
            |timer: &TimerFd| std::fs::read_to_string(format!("/proc/self/fdinfo/{}", timer.as_raw_fd())).unwrap();
        assert_eq!([&kernel, &userspace].map(|timer| info(timer).contains("clockid:")), [true, false]);
    }

    #[test]
    fn a_read_to_a_bad_address() {
        let [kernel, userspace] = both_expired();
        for timer in [&kernel, &userspace] {
            // SAFETY: the page at zero is never mapped, and the system checks this before it
            // writes.
            let read = unsafe { libc::read(timer.as_raw_fd(), 8 as *mut libc::c_void, 8) };
            assert_eq!(Errno::result(read), Err(Errno::EFAULT));
        }
        assert!(kernel.read().is_err(), "the count is lost");
        assert_eq!(userspace.read().unwrap(), 1);
    }

    #[test]
    fn splicing() {
        let (_reader, writer) = nix::unistd::pipe().unwrap();
        let splice = |timer: &TimerFd| {
            // SAFETY: the call touches no memory of this program.
            let moved = unsafe {
                libc::splice(timer.as_raw_fd(), std::ptr::null_mut(), writer.as_raw_fd(), std::ptr::null_mut(), 8, 0)
            };
            Errno::result(moved)
        };
        assert_eq!(both_expired().each_ref().map(splice), [Err(Errno::EINVAL), Ok(8)]);
    }

    /// The receiver has only the descriptor.
    #[test]
    fn a_descriptor_sent_to_another_process() {
        let [kernel, userspace] = both().map(|timer| (timer.as_fd().try_clone_to_owned().unwrap(), timer));
        assert!(KernelTimer::from_fd(kernel.0, Clock::Monotonic).arm_after(Duration::ZERO).is_ok());
        assert_eq!(kernel.1.wait(None).unwrap(), 1);
        let refused = KernelTimer::from_fd(userspace.0, Clock::Monotonic).arm_after(Duration::ZERO).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn the_bits_of_poll() {
        let [kernel, userspace] = both_expired();
        assert_eq!(poll(kernel.as_fd()), libc::POLLIN);
        assert_eq!(poll(userspace.as_fd()), libc::POLLIN | libc::POLLRDNORM);
    }

    #[test]
    fn asking_for_the_number_of_readable_bytes() {
        let [kernel, userspace] = both_expired();
        let ask = |timer: &TimerFd| {
            let mut count = 0;
            // SAFETY: `count` is valid for the number that this request stores.
            Errno::result(unsafe { libc::ioctl(timer.as_raw_fd(), libc::FIONREAD, &mut count) }).map(|_| count)
        };
        assert_eq!([ask(&kernel), ask(&userspace)], [Err(Errno::ENOTTY), Ok(8)]);
        userspace.read().unwrap();
        assert_eq!(ask(&userspace), Ok(0));
    }

    #[test]
    fn seeking() {
        let [kernel, userspace] = both();
        assert!(matches!(lseek(&kernel, 0, Whence::SeekSet), Ok(0) | Err(Errno::ESPIPE)), "0 since Linux 6.0");
        assert_eq!(lseek(&userspace, 0, Whence::SeekSet), Err(Errno::ESPIPE));
    }

    static SIGNALS: AtomicU32 = AtomicU32::new(0);

    extern "C" fn count_signal(_: i32) {
        SIGNALS.fetch_add(1, Ordering::SeqCst);
    }

    #[test]
    fn a_signal_for_each_expiration() {
        let action = SigAction::new(SigHandler::Handler(count_signal), SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the handler only adds to an atomic.
        unsafe { sigaction(Signal::SIGIO, &action) }.unwrap();
        for (timer, signalled) in both().iter().zip([false, true]) {
            // SAFETY: naming the process that gets the signal touches no memory.
            unsafe { libc::fcntl(timer.as_raw_fd(), libc::F_SETOWN, libc::getpid()) };
            fcntl(timer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK | OFlag::O_ASYNC)).unwrap();
            timer.arm_after(Duration::from_millis(1)).unwrap();
            // A method that counts by the clock would make the thread deliver nothing.
            until_readable(timer);
            assert_eq!(timer.wait(None).unwrap(), 1);
            while signalled && SIGNALS.load(Ordering::SeqCst) == 0 {}
            assert_eq!(SIGNALS.load(Ordering::SeqCst) > 0, signalled);
        }
    }

    #[test]
    fn a_duplicate_that_outlives_the_timer() {
        let [kernel, userspace] = both().map(|timer| {
            timer.arm_after(Duration::from_millis(1)).unwrap();
            timer.as_fd().try_clone_to_owned().unwrap()
        });
        let mut bytes = [0; 8];
        while poll(kernel.as_fd()) == 0 {}
        assert_eq!(read(&kernel, &mut bytes), Ok(8));
        assert_ne!(poll(userspace.as_fd()) & libc::POLLHUP, 0);
        while read(&userspace, &mut bytes).unwrap() > 0 {}
    }

    /// Counts the edges of an unread periodic timer: one on Linux, one per refresh on the
    /// emulation.
    #[test]
    fn edges_of_an_unread_periodic_timer() {
        use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
        for (timer, many) in both().into_iter().zip([false, true]) {
            let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
            epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0)).unwrap();
            timer.arm_every(Duration::from_millis(1)).unwrap();
            let edge = |timeout| epoll.wait(&mut [EpollEvent::empty()], timeout).unwrap();
            assert_eq!(edge(EpollTimeout::NONE), 1);
            if many {
                assert_eq!([edge(EpollTimeout::NONE), edge(EpollTimeout::NONE)], [1, 1]);
            } else {
                assert_eq!(edge(EpollTimeout::from(50u8)), 0);
            }
        }
    }

    /// Linux's alarm clocks still report the old remaining time after they were disarmed.
    #[test]
    fn a_disarmed_alarm_clock() {
        let builder = TimerFd::builder(Clock::RealtimeAlarm);
        let open = |backend| builder.backend(backend).open();
        let Ok(timers) = BACKENDS.map(open).into_iter().collect::<Result<Vec<_>, _>>() else {
            return; // without the capability
        };
        for (timer, reports) in timers.iter().zip([true, false]) {
            timer.arm_after(HOUR).unwrap();
            timer.disarm().unwrap();
            assert_eq!(timer.get().unwrap().is_armed(), reports);
        }
    }
}

#[cfg(not(target_os = "linux"))]
#[test]
#[ignore = "the differences are those from the timers of Linux's kernel"]
fn on_linux() {}
