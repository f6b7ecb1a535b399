//! Fd-only timers, whose descriptors any code may duplicate and close.

use crate::common::{assert_errno, descriptors, is_readable, left, raw_read, until_readable};
use crate::forks::in_a_child;
use crate::timer_thread::{the_thread, until_the_thread_has_ended};
use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use nix::unistd::{dup2_raw, pipe, read, write};
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{Clock, CreateFlags, Initial, TimerSpec};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::thread;
use std::time::Duration;

crate::cases![
    userspace:
        any_duplicate_sets_the_timer_and_no_other_descriptor_does,
        a_reused_number_does_not_set_the_old_timer,
        a_new_timer_takes_the_lowest_number,
        the_last_close_ends_the_timer_without_another_call,
        at_the_descriptor_limit_closed_timers_are_reclaimed,
        an_unread_count_is_refreshed_at_the_descriptor_limit,
        a_limit_below_the_reserved_number_stops_nothing,
        a_blocked_read_outlives_the_descriptor,
        a_forked_child_has_no_fd_only_timers_of_its_parent_but_makes_its_own,
        a_grandchild_keeps_the_childs_duplicates_of_an_inherited_timer,
        at_the_descriptor_limit_a_timer_takes_two_numbers_and_a_failure_none;
];

pub const HOUR: Duration = Duration::from_secs(3600);
pub const MS: Duration = Duration::from_millis(1);

/// Whether the system cannot report the readers of a pipe, so that the library keeps a duplicate of
/// the read end.
const KEEPS_A_DUPLICATE: bool =
    cfg!(any(portable_timerfd_test_posix, not(any(target_os = "linux", target_os = "android"))));

pub fn create() -> OwnedFd {
    RawTimer::create(Clock::Monotonic, CreateFlags::new().nonblocking(false)).unwrap()
}

pub fn set(fd: &OwnedFd, spec: TimerSpec) -> TimerSpec {
    RawTimer::find(fd.as_raw_fd()).unwrap().settime(&spec).unwrap()
}

/// Repeats the check until it is true, without a limit.
pub fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::sleep(MS);
    }
}

fn any_duplicate_sets_the_timer_and_no_other_descriptor_does() {
    let fd = create();
    let duplicate = fd.try_clone().unwrap();
    set(&fd, TimerSpec::after(HOUR));
    assert!(left(set(&duplicate, TimerSpec::after(MS).every(HOUR))) > Duration::ZERO);
    drop(fd);
    until_readable(&duplicate);
    assert_eq!(raw_read(&duplicate).unwrap(), 1);
    assert_eq!(RawTimer::find(duplicate.as_raw_fd()).unwrap().gettime().unwrap().interval(), HOUR);
    let other = create();
    assert_eq!(RawTimer::find(other.as_raw_fd()).unwrap().gettime().unwrap().initial(), Initial::Disarmed);
    let (reader, writer) = pipe().unwrap();
    for none in [reader.as_raw_fd(), writer.as_raw_fd(), 0] {
        assert_errno(RawTimer::find(none), libc::EINVAL);
    }
    for closed in [-1, RawFd::MAX] {
        assert_errno(RawTimer::find(closed), libc::EBADF);
    }
}

fn a_reused_number_does_not_set_the_old_timer() {
    let fd = create();
    let number = fd.as_raw_fd();
    let found = RawTimer::find(number).unwrap();
    set(&fd, TimerSpec::after(HOUR));
    drop(fd);
    assert_errno(RawTimer::find(number), libc::EBADF);
    let again = create();
    assert_eq!(again.as_raw_fd(), number);
    assert_eq!(set(&again, TimerSpec::after(HOUR)).initial(), Initial::Disarmed);
    until(|| found.gettime().is_err());
    assert_errno(found.settime(&TimerSpec::after(MS)), libc::EBADF);
}

fn a_new_timer_takes_the_lowest_number() {
    let other = std::fs::File::open("/dev/null").unwrap();
    let mut timers = Vec::new();
    for _ in 0..5 {
        let lowest = other.try_clone().unwrap().as_raw_fd();
        let next = create();
        assert_eq!(next.as_raw_fd(), lowest);
        set(&next, TimerSpec::after(Duration::ZERO));
        timers.push(next);
    }
}

fn the_last_close_ends_the_timer_without_another_call() {
    let before = descriptors();
    let specs = [TimerSpec::disarmed(), TimerSpec::after(HOUR), TimerSpec::after(MS), TimerSpec::after(MS).every(MS)];
    let timers: Vec<OwnedFd> = specs.iter().flat_map(|_| [create(), create()]).collect();
    for (timer, spec) in timers.iter().zip(specs.iter().cycle()) {
        set(timer, *spec);
    }
    the_thread();
    let duplicates: Vec<OwnedFd> = timers.iter().map(|timer| timer.try_clone().unwrap()).collect();
    drop(timers);
    thread::sleep(5 * MS);
    assert!(descriptors().len() >= before.len() + 2 * specs.len(), "a duplicate holds it");
    drop(duplicates);
    until(|| descriptors() == before);
    until_the_thread_has_ended();
}

fn at_the_descriptor_limit_closed_timers_are_reclaimed() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // The limit is so low that the numbers run out between two sweeps.
    setrlimit(Resource::RLIMIT_NOFILE, 16, hard).unwrap();
    let stays = create();
    set(&stays, TimerSpec::after(HOUR));
    for _ in 0..1000 {
        let fd = create();
        set(&fd, TimerSpec::after(HOUR));
    }
    // Open timers keep working.
    let mut open = vec![stays];
    let refusal = loop {
        match RawTimer::create(Clock::Monotonic, CreateFlags::default()) {
            Ok(fd) => open.push(fd),
            Err(e) => break e,
        }
    };
    assert_eq!(refusal.raw_os_error(), Some(libc::EMFILE));
    assert!(open.len() >= if KEEPS_A_DUPLICATE { 2 } else { 4 });
    // Setting the timers, including the rollback of a count, needs no other descriptor either.
    let _rest: Vec<OwnedFd> = std::iter::from_fn(|| open[0].try_clone().ok()).collect();
    for fd in &open {
        set(fd, TimerSpec::after(MS));
        until_readable(fd);
        RawTimer::find(fd.as_raw_fd()).unwrap().gettime().unwrap();
        assert!(is_readable(fd));
        set(fd, TimerSpec::after(HOUR));
        assert!(!is_readable(fd));
        set(fd, TimerSpec::after(MS));
        until_readable(fd);
    }
}

/// If a refresh needed a descriptor and there was none, a raw read would return 1.
fn an_unread_count_is_refreshed_at_the_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let fd = create();
    let _rest: Vec<OwnedFd> = std::iter::from_fn(|| fd.try_clone().ok()).collect();
    let count_after_100_ms = |_| {
        set(&fd, TimerSpec::after(MS).every(MS));
        thread::sleep(100 * MS);
        raw_read(&fd).unwrap()
    };
    // At least one of them was refreshed lately, even on a loaded machine.
    let counts: Vec<u64> = (0..20).map(count_after_100_ms).collect();
    assert!(counts.iter().any(|&count| count >= 50), "{counts:?}");
}

fn a_limit_below_the_reserved_number_stops_nothing() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let low: Vec<OwnedFd> = (0..40).map(|_| pipe().unwrap().0).collect();
    let high = create();
    drop(low);
    // The timer gets a low number; the library's own descriptors keep their high ones.
    let fd = high.try_clone().unwrap();
    drop(high);
    setrlimit(Resource::RLIMIT_NOFILE, 32, hard).unwrap();
    set(&fd, TimerSpec::after(MS).every(MS));
    until_readable(&fd);
    assert!(left(set(&fd, TimerSpec::after(HOUR))) > Duration::ZERO);
    assert!(!is_readable(&fd), "the count was discarded");
    set(&fd, TimerSpec::after(MS));
    assert_eq!(raw_read(&fd).unwrap(), 1);
}

/// The test cannot see when a read has begun. So it repeats a try whose read was late.
fn a_blocked_read_outlives_the_descriptor() {
    let expected = if KEEPS_A_DUPLICATE { (0, 0) } else { (8, 1) };
    assert_eq!(std::iter::repeat_with(read_while_the_descriptor_is_closed).flatten().next(), Some(expected));
}

/// Closes the only descriptor of a timer while another thread reads it. Returns the result of the
/// read and its count, or `None` if the read began too late.
fn read_while_the_descriptor_is_closed() -> Option<(usize, u64)> {
    let fd = create();
    let number = fd.as_raw_fd();
    let reader = thread::spawn(move || {
        let mut count = [0; 8];
        // SAFETY: the number stays open. The test makes it refer to another file on purpose.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        read(fd, &mut count).map(|read| (read, u64::from_ne_bytes(count)))
    });
    thread::sleep(20 * MS);
    // On this system a sweep that finds no descriptor would end the read first.
    set(&fd, TimerSpec::after(if KEEPS_A_DUPLICATE { HOUR } else { 50 * MS }));
    // A late read gets the single byte of this pipe.
    let (late, writer) = pipe().unwrap();
    write(&writer, &[0]).unwrap();
    // SAFETY: this closes the timer, as the test wants. `fd` then owns a duplicate of the pipe.
    std::mem::forget(unsafe { dup2_raw(&late, number) }.unwrap());
    // These calls make the library sweep closed timers.
    (0..100).for_each(|_| drop(create()));
    let result = match reader.join().unwrap() {
        // Linux reports the end of a pair of sockets in this way if the closed socket was full.
        Err(Errno::ECONNRESET) if KEEPS_A_DUPLICATE => (0, 0),
        result => result.unwrap(),
    };
    (result.0 != 1).then_some(result)
}

fn a_forked_child_has_no_fd_only_timers_of_its_parent_but_makes_its_own() {
    let before = descriptors();
    let fd = create();
    set(&fd, TimerSpec::after(HOUR));
    let own = descriptors().len() - before.len() - 1;
    let fd = in_a_child(fd, |inherited| {
        // The first call, which closes the library's descriptors on systems like OpenBSD.
        let unknown = RawTimer::find(inherited.as_raw_fd()).is_err();
        let closed = descriptors().len() == before.len() + 1;
        let made = create();
        set(&made, TimerSpec::after(MS));
        closed && unknown && raw_read(&made).unwrap() == 1 && descriptors().len() == before.len() + 2 + own
    });
    assert!(left(set(&fd, TimerSpec::after(MS))) > Duration::ZERO, "the parent's is as it was");
    assert_eq!(raw_read(&fd).unwrap(), 1);
}

/// The child's duplicates get the numbers that the library's descriptors had in the parent.
fn a_grandchild_keeps_the_childs_duplicates_of_an_inherited_timer() {
    let fd = create();
    set(&fd, TimerSpec::after(HOUR));
    in_a_child(fd, |inherited| {
        let duplicates: Vec<OwnedFd> = (0..5).map(|_| inherited.try_clone().unwrap()).collect();
        let duplicates = in_a_child(duplicates, |duplicates| {
            duplicates.iter().all(|duplicate| descriptors().contains(&duplicate.as_raw_fd()))
        });
        duplicates.len() == 5
    });
}

fn at_the_descriptor_limit_a_timer_takes_two_numbers_and_a_failure_none() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let open = descriptors();
    let end = *open.last().unwrap() as libc::rlim_t + 1;
    let free = (0..end as i32).filter(|number| !open.contains(number)).count() as libc::rlim_t;
    for more in 0..6 {
        in_a_child((), |()| {
            setrlimit(Resource::RLIMIT_NOFILE, end + more, hard).unwrap();
            let made = RawTimer::create(Clock::Monotonic, CreateFlags::new().nonblocking(false));
            let is_enough = free + more >= if KEEPS_A_DUPLICATE { 3 } else { 2 };
            match made {
                Err(e) => !is_enough && e.raw_os_error() == Some(libc::EMFILE) && descriptors() == open,
                Ok(fd) => {
                    set(&fd, TimerSpec::after(MS));
                    is_enough && raw_read(&fd).unwrap() == 1
                }
            }
        });
    }
}
