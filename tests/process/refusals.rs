//! Requests that the system refuses: threads, capabilities, timerfd itself.

use crate::common::{assert_counts_by_the_clock, errno, raw_read, userspace_builder, HOUR};
use crate::userspace;
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::libc;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use nix::unistd::{geteuid, setuid, Uid};
use portable_timerfd::{backends, Clock, TimerFd, TimerSpec};
use std::io;
use std::time::Duration;

crate::cases![
    every:
        alarm_clocks_need_the_capability_when_made_and_when_set;
    userspace:
        a_thread_that_cannot_be_started_is_an_error_that_changes_nothing,
        a_kernel_without_timerfd_gets_the_emulation,
        a_kernel_older_than_the_clock_gets_the_emulation,
        an_alarm_clock_is_not_replaced_by_one_that_cannot_wake_the_system,
        a_kernel_without_nonblocking_reads_gets_another_way_to_read,
        a_pipe_that_cannot_be_reopened_is_read_by_switching_its_mode;
];

fn a_thread_that_cannot_be_started_is_an_error_that_changes_nothing() {
    let timer = userspace();
    timer.set(&TimerSpec::disarmed().every(HOUR)).unwrap();
    if geteuid().is_root() {
        // The limit does not apply to root.
        setuid(Uid::from_raw(65_534)).unwrap();
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
    setrlimit(Resource::RLIMIT_NPROC, 0, hard).unwrap();
    assert_eq!(errno(timer.arm_after(Duration::ZERO)), Some(libc::ENOMEM));
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed().every(HOUR));
    setrlimit(Resource::RLIMIT_NPROC, hard, hard).unwrap();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

/// The kernel's own timers decide what is allowed here.
fn alarm_clocks_need_the_capability_when_made_and_when_set() {
    let made = || {
        backends::ALL.iter().flat_map(|&backend| {
            [Clock::RealtimeAlarm, Clock::BoottimeAlarm].map(|clock| TimerFd::builder(clock).backend(backend).open())
        })
    };
    let timers: Vec<TimerFd> = made().flatten().collect();
    assert!(timers.is_empty() || timers.len() == 2 * backends::ALL.len(), "{timers:?}");
    if geteuid().is_root() {
        setuid(Uid::from_raw(65_534)).unwrap();
    }
    for timer in &timers {
        assert_eq!(errno(timer.arm_after(HOUR)), Some(libc::EPERM));
        assert_eq!(timer.get().unwrap(), TimerSpec::disarmed());
    }
    made().for_each(|timer| assert_eq!(errno(timer), Some(libc::EPERM)));
    // The capability is checked before the descriptor.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 0, hard).unwrap();
    made().for_each(|timer| assert_eq!(errno(timer), Some(libc::EPERM)));
    let plain = backends::ALL.iter().map(|&backend| TimerFd::builder(Clock::Monotonic).backend(backend).open());
    plain.for_each(|timer| assert_eq!(errno(timer), Some(libc::EMFILE)));
}

/// From now on, this system call fails with this error in this process.
pub fn refuse(call: libc::c_long, errno: i32) {
    let mut program = filter(call, libc::SECCOMP_RET_ERRNO | errno as u32);
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: `filter` describes `program`, which the calls only read.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter), 0);
    }
}

/// Returns a filter that applies this action to one call and allows the others.
pub fn filter(call: libc::c_long, action: u32) -> [libc::sock_filter; 4] {
    let statement = |code: u32, k: u32, jf: u8| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    [
        // The number of the call is the first field.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, call as u32, 1),
        statement(libc::BPF_RET | libc::BPF_K, action, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0),
    ]
}

fn a_kernel_without_timerfd_gets_the_emulation() {
    assert_eq!(TimerFd::new(Clock::Monotonic).unwrap().backend().name(), "kernel");
    refuse(libc::SYS_timerfd_create, libc::ENOSYS);
    let timer = TimerFd::new(Clock::Monotonic).unwrap();
    assert_eq!(timer.backend().name(), "userspace");
    timer.arm_after(Duration::from_millis(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
    let asked = TimerFd::builder(Clock::Monotonic).backend(backends::kernel::BACKEND).open();
    assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::Unsupported);
}

/// A backend that cannot wake the system is used only if it was named.
fn an_alarm_clock_is_not_replaced_by_one_that_cannot_wake_the_system() {
    refuse(libc::SYS_timerfd_create, libc::ENOSYS);
    for clock in [Clock::RealtimeAlarm, Clock::BoottimeAlarm] {
        let refused = errno(TimerFd::new(clock));
        assert_eq!(errno(TimerFd::builder(clock).capabilities()), refused);
        // If this process may not set such clocks, it gets that error.
        match errno(userspace_builder(clock).open()) {
            None => assert_eq!(refused, Some(libc::ENOSYS)),
            forbidden => assert_eq!((refused, forbidden), (Some(libc::EPERM), Some(libc::EPERM))),
        }
    }
}

fn a_kernel_older_than_the_clock_gets_the_emulation() {
    refuse(libc::SYS_timerfd_create, libc::EINVAL);
    let timer = TimerFd::new(Clock::Boottime).unwrap();
    assert_eq!(timer.backend().name(), "userspace");
}

/// Uses all reads that must not wait: a timer in either mode that expires repeatedly, and raw reads
/// at the same time.
pub fn assert_the_thread_never_waits() {
    for nonblocking in [true, false] {
        let timer = userspace_builder(Clock::Monotonic).nonblocking(nonblocking).open().unwrap();
        for _ in 0..100 {
            timer.arm_after(Duration::ZERO).unwrap();
            timer.arm_after(Duration::ZERO).unwrap();
            assert_eq!(raw_read(&timer).unwrap(), 1);
            // A raw read empties the pipe, which the emulation does not know.
            timer.arm_after(Duration::ZERO).unwrap();
            assert_eq!(timer.wait(None).unwrap(), 1);
            assert!(timer.wait(Some(Duration::ZERO)).is_err());
        }
        let first = Clock::Monotonic.now().unwrap();
        let interval = Duration::from_micros(100);
        timer.set(&TimerSpec::at(first).every(interval)).unwrap();
        let (mut sum, mut rounds) = (0, 0);
        while rounds < 200 {
            std::thread::sleep(3 * interval);
            if let Ok(count) = raw_read(&timer) {
                sum += count;
                rounds += 1;
            }
        }
        assert_counts_by_the_clock(Clock::Monotonic, first, interval, || sum + timer.wait(None).unwrap());
        let mode = OFlag::from_bits_retain(fcntl(&timer, FcntlArg::F_GETFL).unwrap());
        assert_eq!(mode.contains(OFlag::O_NONBLOCK), nonblocking, "it is left as it was");
    }
}

/// Linux supports these reads of pipes since version 6.4.
fn a_kernel_without_nonblocking_reads_gets_another_way_to_read() {
    for errno in [libc::EOPNOTSUPP, libc::EPERM] {
        refuse(libc::SYS_preadv2, errno);
        assert_the_thread_never_waits();
    }
}

/// This is the case on systems other than Linux, and at the descriptor limit.
fn a_pipe_that_cannot_be_reopened_is_read_by_switching_its_mode() {
    refuse(libc::SYS_preadv2, libc::EOPNOTSUPP);
    refuse(libc::SYS_openat, libc::EMFILE);
    assert_the_thread_never_waits();
}
