//! Sandboxes that refuse calls with an error of their own choice, and a kernel that ignores a flag.

use crate::common::{errno, until_readable, userspace_builder};
use crate::refusals::{assert_the_thread_never_waits, refuse};
use nix::libc;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use portable_timerfd::backends::kernel::KernelTimer;
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{backends, Clock, CreateFlags, TimerFd, TimerSpec};
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

crate::cases![
    every:
        a_sandbox_that_refuses_the_read_with_eacces_gets_another_way_to_read,
        a_sandbox_that_refuses_the_read_with_einval_gets_another_way_to_read,
        a_kernel_that_ignores_the_flag_blocks_no_read;
    kernel:
        a_refusal_for_timerfds_does_not_affect_pipes,
        a_first_timer_that_takes_the_last_descriptor_does_not_slow_later_reads,
        an_alarm_clock_keeps_the_sandboxs_error,
        a_backend_asked_for_by_name_keeps_the_sandboxs_error;
    userspace:
        a_reopened_end_does_not_change_how_other_pipes_are_read,
        the_library_uses_ppoll_where_a_sandbox_refuses_poll,
        a_sandbox_that_refuses_to_describe_descriptors_is_no_obstacle,
        a_sandbox_that_refuses_timerfd_with_eperm_gets_the_emulation,
        a_sandbox_that_refuses_timerfd_with_eacces_gets_the_emulation;
];

const MILLI: Duration = Duration::from_millis(1);

fn assert_no_read_of_the_kernels_timers_waits() {
    for nonblocking in [true, false] {
        let kernel = backends::kernel::BACKEND;
        let timer = TimerFd::builder(Clock::Monotonic).nonblocking(nonblocking).backend(kernel).open().unwrap();
        for _ in 0..10 {
            assert_eq!(errno(timer.try_read()), Some(libc::EAGAIN));
            assert_eq!(errno(timer.wait(Some(Duration::ZERO))), Some(libc::ETIMEDOUT));
            timer.arm_after(MILLI).unwrap();
            assert_eq!(timer.wait(None).unwrap(), 1);
        }
    }
}

/// Whether the kernel supports `RWF_NOWAIT` for timerfds, as Linux does since 6.10. The user-mode
/// emulation of qemu does not have `preadv2`.
fn timerfds_support_nowait() -> bool {
    let mut count = 0u64;
    let buffer = libc::iovec { iov_base: std::ptr::addr_of_mut!(count).cast(), iov_len: 8 };
    // SAFETY: the calls get valid arguments, and the descriptor is closed here only.
    let error = unsafe {
        let fd = OwnedFd::from_raw_fd(libc::timerfd_create(libc::CLOCK_MONOTONIC, 0));
        let flags = libc::c_long::from(libc::RWF_NOWAIT);
        let position: libc::c_long = -1;
        libc::syscall(
            libc::SYS_preadv2,
            fd.as_raw_fd() as libc::c_long,
            &buffer,
            1 as libc::c_long,
            position,
            position,
            flags,
        );
        std::io::Error::last_os_error()
    };
    error.raw_os_error() == Some(libc::EAGAIN)
}

/// The library cannot check `RWF_NOWAIT` without a descriptor, so the next timer repeats the check.
/// Without that flag, it would read with `read`.
fn a_first_timer_that_takes_the_last_descriptor_does_not_slow_later_reads() {
    if !timerfds_support_nowait() {
        return;
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let next = File::open("/dev/null").unwrap().as_raw_fd();
    setrlimit(Resource::RLIMIT_NOFILE, (next + 1) as _, hard).unwrap();
    let first = KernelTimer::new(Clock::Monotonic, CreateFlags::default()).unwrap();
    assert_eq!(first.as_raw_fd(), next);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    let timer = KernelTimer::new(Clock::Monotonic, CreateFlags::default()).unwrap();
    timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&timer);
    refuse(libc::SYS_read, libc::EACCES);
    assert_eq!(timer.try_read().unwrap(), 1);
}

fn assert_no_read_waits() {
    assert_no_read_of_the_kernels_timers_waits();
    assert_the_thread_never_waits();
}

fn a_sandbox_that_refuses_the_read_with_eacces_gets_another_way_to_read() {
    refuse(libc::SYS_preadv2, libc::EACCES);
    assert_no_read_waits();
}

/// The refusal comes after the first timer, when the library knows that the kernel examines the
/// flag.
fn a_sandbox_that_refuses_the_read_with_einval_gets_another_way_to_read() {
    assert_no_read_waits();
    refuse(libc::SYS_preadv2, libc::EINVAL);
    assert_no_read_waits();
}

/// gVisor ignores the flag. A mistake blocks the test until the alarm ends it.
fn a_kernel_that_ignores_the_flag_blocks_no_read() {
    nix::unistd::alarm::set(30);
    serve_reads_without_the_flag();
    assert_no_read_waits();
    assert!(SERVED.load(Ordering::SeqCst) > 0, "the kernel was asked");
}

/// A read of a socket that is not connected stands for the refusal.
fn a_refusal_for_timerfds_does_not_affect_pipes() {
    // SAFETY: the call makes a descriptor that no other code knows.
    let socket = unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)) };
    assert_eq!(errno(KernelTimer::from_fd(socket, Clock::Monotonic).try_read()), Some(libc::ENOTCONN));
    let timers = [KernelTimer::new(Clock::Monotonic, Default::default()).unwrap()];
    let pipe = userspace_builder(Clock::Monotonic).open().unwrap();
    serve_reads_without_the_flag();
    assert!(timers[0].try_read().is_err());
    assert_eq!(SERVED.load(Ordering::SeqCst), 0, "timerfds are read in another way");
    assert_is_read_with_the_flag(&pipe);
}

fn assert_is_read_with_the_flag(timer: &TimerFd) {
    for _ in 0..2 {
        timer.arm_after(Duration::ZERO).unwrap();
    }
    assert_eq!(timer.wait(None).unwrap(), 1);
    assert!(SERVED.load(Ordering::SeqCst) > 0, "pipes are read with the flag");
}

/// Linux does not support the flag for a reopened end. A user may reopen one.
fn a_reopened_end_does_not_change_how_other_pipes_are_read() {
    let pipe = userspace_builder(Clock::Monotonic).open().unwrap();
    let fd = RawTimer::create(Clock::Monotonic, CreateFlags::default()).unwrap();
    let anew = File::open(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap();
    let timer = RawTimer::find(anew.as_raw_fd()).unwrap();
    drop(fd);
    for _ in 0..2 {
        // The second call takes back the count that the first one made readable.
        timer.settime(&TimerSpec::after(Duration::ZERO)).unwrap();
        timer.gettime().unwrap();
    }
    serve_reads_without_the_flag();
    assert_is_read_with_the_flag(&pipe);
}

fn assert_emulation_for(refused_with: i32) {
    refuse(libc::SYS_timerfd_create, refused_with);
    for clock in [Clock::Monotonic, Clock::Realtime, Clock::Boottime] {
        let timer = TimerFd::new(clock).unwrap();
        assert_eq!(timer.backend().name(), "userspace");
        timer.arm_after(MILLI).unwrap();
        assert_eq!(timer.wait(None).unwrap(), 1);
        let expected = backends::userspace::BACKEND.capabilities(clock).unwrap();
        assert_eq!(TimerFd::builder(clock).capabilities().unwrap(), expected);
    }
}

fn a_sandbox_that_refuses_timerfd_with_eperm_gets_the_emulation() {
    assert_emulation_for(libc::EPERM);
}

fn a_sandbox_that_refuses_timerfd_with_eacces_gets_the_emulation() {
    assert_emulation_for(libc::EACCES);
}

fn an_alarm_clock_keeps_the_sandboxs_error() {
    refuse(libc::SYS_timerfd_create, libc::EPERM);
    for clock in [Clock::RealtimeAlarm, Clock::BoottimeAlarm] {
        assert_eq!(errno(TimerFd::new(clock)), Some(libc::EPERM));
    }
}

fn a_backend_asked_for_by_name_keeps_the_sandboxs_error() {
    refuse(libc::SYS_timerfd_create, libc::EACCES);
    let kernel = backends::kernel::BACKEND;
    assert_eq!(errno(TimerFd::builder(Clock::Monotonic).backend(kernel).open()), Some(libc::EACCES));
}

#[cfg(target_arch = "x86_64")]
fn the_library_uses_ppoll_where_a_sandbox_refuses_poll() {
    refuse(libc::SYS_poll, libc::EINVAL);
    let timer = userspace_builder(Clock::Monotonic).nonblocking(false).open().unwrap();
    timer.arm_after(MILLI).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
    assert_eq!(errno(timer.wait(Some(MILLI))), Some(libc::ETIMEDOUT));
}

/// Newer architectures have only `ppoll`.
#[cfg(not(target_arch = "x86_64"))]
fn the_library_uses_ppoll_where_a_sandbox_refuses_poll() {}

/// For a closed standard stream the library would have to open a file, so it takes no number there.
fn a_sandbox_that_refuses_to_describe_descriptors_is_no_obstacle() {
    let first = userspace_builder(Clock::Monotonic).open().unwrap();
    refuse(libc::SYS_fcntl, libc::EPERM);
    refuse(libc::SYS_openat, libc::EPERM);
    let second = userspace_builder(Clock::Monotonic).open().unwrap();
    for timer in [first, second] {
        timer.arm_after(MILLI).unwrap();
        assert_eq!(timer.wait(None).unwrap(), 1);
    }
}

/// The number of `preadv2` calls that were served.
static SERVED: AtomicUsize = AtomicUsize::new(0);

/// From now on, `preadv2` ignores its flags in this thread and in those that it creates.
///
/// The kernel hands the calls over to a thread without the filter. That thread has the same memory
/// and the same descriptors, so it can make each call in the caller's place.
fn serve_reads_without_the_flag() {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let listener: OwnedFd = receive.recv().unwrap();
        loop {
            let call = received(listener.as_raw_fd());
            SERVED.fetch_add(1, Ordering::SeqCst);
            let number = listener.as_raw_fd();
            // The call may wait, so another thread makes it, and other calls are served meanwhile.
            std::thread::spawn(move || answer(number, &call));
        }
    });
    send.send(listen_for(libc::SYS_preadv2)).unwrap();
}

/// Installs a filter that hands one call over; returns the descriptor that receives the calls.
fn listen_for(call: libc::c_long) -> OwnedFd {
    let mut program = crate::refusals::filter(call, libc::SECCOMP_RET_USER_NOTIF);
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // SAFETY: `filter` describes `program`, which the calls only read.
    let listener = unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        libc::syscall(libc::SYS_seccomp, mode as libc::c_long, flags as libc::c_long, &filter)
    };
    assert!(listener >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just made this descriptor.
    unsafe { OwnedFd::from_raw_fd(listener as RawFd) }
}

fn received(listener: RawFd) -> libc::seccomp_notif {
    const SECCOMP_IOCTL_NOTIF_RECV: u32 = 0xc050_2100;
    // SAFETY: zeros are a valid value of the type, which the call below fills.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    while unsafe { libc::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV as _, &mut call) } != 0 {}
    call
}

/// Makes the call without its flags.
fn answer(listener: RawFd, call: &libc::seccomp_notif) {
    const SECCOMP_IOCTL_NOTIF_SEND: u32 = 0xc018_2101;
    let [fd, places, count, ..] = call.data.args;
    // SAFETY: the caller waits for the answer, so its memory does not change.
    let read = unsafe { libc::readv(fd as RawFd, places as usize as *const libc::iovec, count as libc::c_int) };
    let error = if read < 0 { -std::io::Error::last_os_error().raw_os_error().unwrap() } else { 0 };
    let response = libc::seccomp_notif_resp { id: call.id, val: read.max(0) as i64, error, flags: 0 };
    // SAFETY: `response` is complete, and the call only reads it.
    unsafe { libc::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND as _, &response) };
}
