//! The numbers of the library's descriptors: low, and never those of the standard streams.

use crate::common::{descriptors, raw_read, until_readable};
use crate::fd_only::{create, set, MS};
use crate::{userspace, userspace_on};
use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use nix::sys::stat::{fstat, stat};
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{Clock, CreateFlags, TimerSpec};
use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

crate::cases![
    userspace:
        no_descriptor_is_high_while_a_lower_number_is_free,
        a_descriptor_stays_low_during_a_refresh,
        a_closed_standard_stream_takes_no_write_while_timers_are_made,
        no_internal_descriptor_has_the_number_of_a_standard_stream,
        without_a_number_above_the_standard_streams_creation_fails_and_leaks_nothing;
];

/// Cases for systems with a mark that distinguishes a placeholder from a directory that the program
/// has opened (`O_PATH`).
pub const WITH_MARKS: &[crate::Case] = &[(
    "userspace::a_child_inherits_no_placeholder_of_a_standard_stream",
    a_child_inherits_no_placeholder_of_a_standard_stream,
)];

fn close(number: RawFd) {
    // SAFETY: the callers close numbers that no code of this process uses any more.
    unsafe { libc::close(number) };
}

/// Closes all descriptors that a parent may have left open.
fn close_all_above_the_standard_streams() {
    descriptors().into_iter().filter(|&number| number > 2).for_each(close);
}

/// Returns the size of this process's table of descriptors, if the system reports it. When it
/// grows, Linux waits for all CPUs.
fn table_size() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("FDSize:"))?.trim().parse().ok()
}

fn no_descriptor_is_high_while_a_lower_number_is_free() {
    close_all_above_the_standard_streams();
    let size = table_size();
    let timers: Vec<_> = (0..8).map(|_| userspace()).collect();
    let raw: Vec<OwnedFd> = (0..8).map(|_| create()).collect();
    for (timer, raw) in timers.iter().zip(&raw) {
        timer.arm_after(MS).unwrap();
        set(raw, TimerSpec::after(MS).every(MS));
        assert_eq!(timer.wait(None).unwrap(), 1);
        until_readable(raw);
        set(raw, TimerSpec::after(MS));
        assert_eq!(raw_read(raw).unwrap(), 1);
    }
    let open = descriptors();
    assert_eq!(open, (0..open.len() as i32).collect(), "a lower number is free");
    assert_eq!(table_size(), size);
}

fn a_descriptor_stays_low_during_a_refresh() {
    close_all_above_the_standard_streams();
    let size = table_size();
    let timers: Vec<OwnedFd> = (0..4).map(|_| create()).collect();
    for timer in &timers {
        set(timer, TimerSpec::after(MS).every(MS));
    }
    // The thread duplicates a descriptor for each refresh. Each timer moves to another number here,
    // so that the thread also reopens it.
    let mut moved = Vec::new();
    for timer in timers {
        moved.push(timer.try_clone().unwrap());
        drop(timer);
    }
    let start = Clock::Monotonic.now().unwrap();
    while Clock::Monotonic.now().unwrap() < start + 100 * MS {
        assert!(descriptors().into_iter().all(|number| number < 64));
    }
    assert!(moved.iter().all(|timer| raw_read(timer).unwrap() > 0));
    assert_eq!(table_size(), size);
}

/// Closes the standard streams in this set of bits, and returns them.
fn close_standard_streams(bits: i32) -> BTreeSet<RawFd> {
    let closed: BTreeSet<RawFd> = (0..3).filter(|number| bits & (1 << number) != 0).collect();
    closed.iter().copied().for_each(close);
    closed
}

fn in_a_process_for_each_set_of_streams(body: fn(BTreeSet<RawFd>)) {
    for bits in 0..8 {
        // A panic in the child has no stream to print to.
        crate::forks::in_a_child((), |()| std::panic::catch_unwind(|| body(close_standard_streams(bits))).is_ok());
    }
}

fn no_internal_descriptor_has_the_number_of_a_standard_stream() {
    in_a_process_for_each_set_of_streams(|closed| {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
        let lowest = closed.first().copied();
        let raw = create();
        assert!(lowest.map_or(true, |lowest| raw.as_raw_fd() == lowest), "the timer has the lowest free number");
        let timers = [Clock::Monotonic, Clock::Realtime].map(userspace_on);
        let users: Vec<RawFd> = timers.iter().map(AsRawFd::as_raw_fd).chain([raw.as_raw_fd()]).collect();
        set(&raw, TimerSpec::after(MS).every(MS));
        for timer in &timers {
            timer.arm_after(MS).unwrap();
            assert_eq!(timer.wait(None).unwrap(), 1);
        }
        set(&raw, TimerSpec::after(MS));
        assert_eq!(raw_read(&raw).unwrap(), 1);
        let open = descriptors();
        assert!(closed.iter().all(|stream| !open.contains(stream) || users.contains(stream)));
    });
}

/// The number of writes to the streams.
static ROUNDS: AtomicUsize = AtomicUsize::new(0);

fn a_closed_standard_stream_takes_no_write_while_timers_are_made() {
    // The ends of the user's two timers may have the first of these numbers. A write to the read end
    // of a pipe fails as a write to a closed number does. A write to a socket does not.
    const USERS: usize = if cfg!(target_os = "linux") && !cfg!(portable_timerfd_test_posix) { 1 } else { 2 };
    in_a_process_for_each_set_of_streams(|closed| {
        let asked: Vec<RawFd> = closed.into_iter().skip(USERS).collect();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let ask = || {
                while !is_over.load(Ordering::Relaxed) {
                    ROUNDS.fetch_add(1, Ordering::Relaxed);
                    for &number in &asked {
                        // SAFETY: the message is valid for reads of its length.
                        let written = unsafe { libc::write(number, b"hello".as_ptr().cast(), 5) };
                        assert_eq!((written, Errno::last()), (-1, Errno::EBADF));
                    }
                }
            };
            let asker = scope.spawn(ask);
            // The thread tries at least once while timers are made.
            while !asker.is_finished() && ROUNDS.load(Ordering::Relaxed) == 0 && !asked.is_empty() {
                thread::yield_now();
            }
            for _ in 0..500 {
                let timer = userspace();
                let raw = create();
                set(&raw, TimerSpec::after(Duration::ZERO));
                assert_eq!(raw_read(&raw).unwrap(), 1);
                assert!(timer.read().is_err());
            }
            is_over.store(true, Ordering::Relaxed);
            asker.join().unwrap();
        });
    });
}

/// Sets a flag that ends another thread, also if this thread panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn a_child_inherits_no_placeholder_of_a_standard_stream() {
    in_a_process_for_each_set_of_streams(|closed| {
        // The first timer registers the handler of forks. The C library does not call it for a fork
        // that has begun before.
        drop(userspace());
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let maker = || {
                while !is_over.load(Ordering::Relaxed) {
                    drop((userspace(), create()));
                }
            };
            scope.spawn(maker);
            let _end = SetOnDrop(&is_over);
            let root = stat("/").unwrap();
            let is_folder = |number: &RawFd| {
                // SAFETY: the call returns an error for a number that is closed.
                let number = unsafe { BorrowedFd::borrow_raw(*number) };
                fstat(number).is_ok_and(|file| (file.st_dev, file.st_ino) == (root.st_dev, root.st_ino))
            };
            for _ in 0..200 {
                crate::forks::in_a_child((), |()| !closed.iter().any(is_folder));
            }
        });
    });
}

fn without_a_number_above_the_standard_streams_creation_fails_and_leaks_nothing() {
    crate::forks::in_a_child((), |()| {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        close_all_above_the_standard_streams();
        close_standard_streams(0b111);
        setrlimit(Resource::RLIMIT_NOFILE, 3, hard).unwrap();
        let refused = |error: std::io::Error| error.raw_os_error() == Some(libc::EMFILE);
        let fine = RawTimer::create(Clock::Monotonic, CreateFlags::default()).is_err_and(refused)
            && crate::common::userspace_builder(Clock::Monotonic).open().is_err_and(refused);
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        fine && descriptors().is_empty()
    });
}
