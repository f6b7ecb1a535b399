//! The attributes of the timer thread: its defaults, and those that a program chooses.

use crate::common::{errno, HOUR};
use crate::linux::{status, the_thread, timer_threads, until_the_thread_has_ended};
use crate::options::refused;
use crate::userspace;
use nix::libc;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, geteuid, getpid, gettid, setuid, ForkResult, Pid, Uid};
use portable_timerfd::backends::userspace::{start_thread, ThreadOptions, ThreadPolicy};
use portable_timerfd::{TimerFd, TimerSpec};
use std::cell::Cell;
use std::io;
use std::mem::size_of_val;
use std::path::{Path, PathBuf};
use std::time::Duration;

crate::cases![
    userspace:
        the_thread_has_a_stack_of_its_own,
        the_thread_has_the_cpus_of_the_main_thread,
        the_thread_has_the_nice_value_of_the_main_thread,
        from_an_idle_thread_without_privilege_the_policy_is_inherited,
        options_that_no_thread_can_have_are_refused_at_once,
        chosen_cpus_are_those_of_the_thread,
        exact_sleep_changes_no_other_option_on_linux,
        a_forked_child_keeps_the_options,
        a_policy_that_the_system_refuses_is_an_error_that_changes_nothing,
        a_cpu_that_the_system_lacks_is_an_error_that_changes_nothing,
        options_that_the_system_refuses_can_be_replaced_until_the_thread_runs,
        a_chosen_ordinary_policy_is_not_replaced_by_an_inherited_one,
        a_thread_that_is_started_early_has_begun_when_the_call_returns,
        an_early_start_that_fails_keeps_no_thread;
];

/// Cases that only root may run.
pub const AS_ROOT: &[crate::Case] = &[
    (
        "userspace::as_root::from_a_real_time_thread_the_policy_is_ordinary",
        from_a_real_time_thread_the_policy_is_ordinary,
    ),
    ("userspace::as_root::from_an_idle_thread_the_policy_is_ordinary", from_an_idle_thread_the_policy_is_ordinary),
    ("userspace::as_root::from_a_nice_thread_the_nice_value_is_lowered", from_a_nice_thread_the_nice_value_is_lowered),
    (
        "userspace::as_root::from_a_deadline_thread_the_policy_is_ordinary",
        from_a_deadline_thread_the_policy_is_ordinary,
    ),
    (
        "userspace::as_root::from_a_deadline_thread_without_privilege_arming_is_enomem",
        from_a_deadline_thread_without_privilege_arming_is_enomem,
    ),
    (
        "userspace::as_root::chosen_real_time_policies_are_those_of_the_thread",
        chosen_real_time_policies_are_those_of_the_thread,
    ),
];

/// Returns the policy, the real-time priority and the nice value that the system reports for a
/// thread.
fn scheduling(thread: &Path) -> (i32, i32, i32) {
    let stat = std::fs::read_to_string(thread.join("stat")).unwrap();
    // The first two fields are a number, and a name in parentheses.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let field = |number: usize| fields[number - 3].parse().unwrap();
    (field(41), field(40), field(19))
}

fn cpus(thread: &Path) -> String {
    status(thread)("Cpus_allowed_list:")
}

fn main_thread() -> PathBuf {
    Path::new("/proc/self/task").join(getpid().to_string())
}

/// Returns the first CPU that this process may use.
fn first_cpu() -> usize {
    cpus(&main_thread()).split([',', '-']).next().unwrap().parse().unwrap()
}

fn set_policy(policy: i32, priority: i32) -> io::Result<()> {
    // SAFETY: the call reads `priority`, which is all that the kernel's parameters have.
    match unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &priority) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Pins the calling thread to a CPU.
fn pin(cpu: usize) {
    let mut set = [0u64; 16];
    set[cpu / 64] = 1 << (cpu % 64);
    // SAFETY: the call reads `set`, whose size it gets.
    assert!(unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(&set), &set) } >= 0);
}

fn set_nice(value: i32) {
    // SAFETY: the call touches no memory. On Linux it affects only the calling thread.
    assert_eq!(unsafe { libc::setpriority(libc::PRIO_PROCESS, gettid().as_raw() as u32, value) }, 0);
}

fn give_up_root() {
    if geteuid().is_root() {
        setuid(Uid::from_raw(65_534)).unwrap();
    }
    for limit in [Resource::RLIMIT_RTPRIO, Resource::RLIMIT_NICE] {
        setrlimit(limit, 0, 0).unwrap();
    }
}

/// Calls `first` in another thread, which then arms the first timer.
fn armed_by_a_thread(first: impl FnOnce() + Send) -> TimerFd {
    std::thread::scope(|scope| {
        let arm = || {
            first();
            armed()
        };
        scope.spawn(arm).join().unwrap()
    })
}

fn armed() -> TimerFd {
    let timer = userspace();
    timer.arm_after(HOUR).unwrap();
    timer
}

/// The nice value of the main thread, with which a test may have been started.
fn nice() -> i32 {
    scheduling(&main_thread()).2
}

/// The scheduling of the timer thread if nothing else is chosen.
fn ordinary() -> (i32, i32, i32) {
    (libc::SCHED_OTHER, 0, nice())
}

/// The static thread-local storage of this program for each thread. It is larger than the thread's
/// stack.
const STATIC_STORAGE: usize = 256 << 10;

thread_local! {
    static LARGE: Cell<[u8; STATIC_STORAGE]> = const { Cell::new([0; STATIC_STORAGE]) };
}

/// Returns the size of the mapping that contains the stack pointer of a sleeping thread.
fn stack_of(thread: &Path) -> usize {
    let address = |text: &str| usize::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    // The system does not report the pointer of a running thread.
    let pointer = std::iter::repeat_with(|| std::fs::read_to_string(thread.join("syscall")).unwrap())
        .find_map(|call| address(call.split_whitespace().rev().nth(1)?));
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let ranges = maps.lines().filter_map(|line| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        Some(address(start)?..address(end)?)
    });
    ranges.into_iter().find(|range| range.contains(&pointer.unwrap())).unwrap().len()
}

fn the_thread_has_a_stack_of_its_own() {
    LARGE.with(|large| std::hint::black_box(large).set([1; STATIC_STORAGE]));
    let _timer = armed();
    let size = stack_of(&the_thread());
    // Other memory may be adjacent. The default size would be 8 MiB, or 2.
    assert!((STATIC_STORAGE + (128 << 10)..STATIC_STORAGE + (1 << 20)).contains(&size), "{size}");
}

fn the_thread_has_the_cpus_of_the_main_thread() {
    let _timer = armed_by_a_thread(|| pin(first_cpu()));
    assert_eq!(cpus(&the_thread()), cpus(&main_thread()));
}

fn the_thread_has_the_nice_value_of_the_main_thread() {
    let (ready, go) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let arming = scope.spawn(move || {
            go.recv().unwrap();
            armed()
        });
        // The other thread has the previous value.
        set_nice(nice() + 3);
        ready.send(()).unwrap();
        let _timer = arming.join().unwrap();
        assert_eq!(scheduling(&the_thread()), ordinary());
    });
}

fn from_an_idle_thread_without_privilege_the_policy_is_inherited() {
    give_up_root();
    let timer = armed_by_a_thread(|| set_policy(libc::SCHED_IDLE, 0).unwrap());
    assert_eq!(scheduling(&the_thread()), (libc::SCHED_IDLE, 0, nice()));
    timer.arm_after(Duration::from_millis(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

fn from_an_idle_thread_the_policy_is_ordinary() {
    let _timer = armed_by_a_thread(|| set_policy(libc::SCHED_IDLE, 0).unwrap());
    assert_eq!(scheduling(&the_thread()), ordinary());
}

fn from_a_nice_thread_the_nice_value_is_lowered() {
    let _timer = armed_by_a_thread(|| set_nice(nice() + 5));
    assert_eq!(scheduling(&the_thread()), ordinary());
}

fn from_a_real_time_thread_the_policy_is_ordinary() {
    let _timer = armed_by_a_thread(|| {
        pin(first_cpu());
        set_policy(libc::SCHED_FIFO, 50).unwrap();
    });
    assert_eq!(scheduling(&the_thread()), ordinary());
    assert_eq!(cpus(&the_thread()), cpus(&main_thread()));
}

/// `struct sched_attr` in its first version, as 32-bit numbers: size, policy, flags, nice value,
/// priority, and three times.
type Attributes = [u32; 12];
const SCHED_DEADLINE: u32 = 6;

/// Gives the calling thread the policy for 2 of each 10 ms; returns `false` if the system refuses
/// it.
fn set_deadline() -> bool {
    let attributes: Attributes = [48, SCHED_DEADLINE, 0, 0, 0, 0, 2_000_000, 0, 10_000_000, 0, 10_000_000, 0];
    // SAFETY: the call reads `attributes`, whose size is in it.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &attributes, 0) == 0 }
}

fn attributes() -> Attributes {
    let mut attributes = Attributes::default();
    // SAFETY: the call writes 48 bytes to `attributes`.
    assert_eq!(unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &mut attributes, 48, 0) }, 0);
    attributes
}

fn from_a_deadline_thread_the_policy_is_ordinary() {
    let arm = || {
        set_deadline().then(|| {
            let before = attributes();
            let timer = armed();
            assert_eq!(scheduling(&the_thread()), ordinary());
            assert_eq!(attributes(), before, "the caller's attributes are as they were");
            timer
        })
    };
    std::thread::spawn(arm).join().unwrap();
}

fn from_a_deadline_thread_without_privilege_arming_is_enomem() {
    let arm = || {
        if set_deadline() {
            give_up_root();
            assert_eq!(errno(userspace().arm_after(HOUR)), Some(libc::ENOMEM));
        }
    };
    std::thread::spawn(arm).join().unwrap();
}

fn options_that_no_thread_can_have_are_refused_at_once() {
    let new = ThreadOptions::new;
    for options in [
        new().policy(ThreadPolicy::Fifo(0)),
        new().policy(ThreadPolicy::Fifo(100)),
        new().policy(ThreadPolicy::RoundRobin(0)),
        new().cpus([]),
        new().cpus([0, 8192]),
    ] {
        assert_eq!(refused(options.clone()), Some(libc::EINVAL), "{options:?}");
    }
    new().set_for_process().unwrap();
}

fn chosen_cpus_are_those_of_the_thread() {
    ThreadOptions::new().cpus([first_cpu()]).set_for_process().unwrap();
    let _timer = armed();
    assert_eq!(cpus(&the_thread()), first_cpu().to_string());
    assert_eq!(cpus(Path::new("/proc/thread-self")), cpus(Path::new("/proc/self")), "the caller's are as they were");
}

fn exact_sleep_changes_no_other_option_on_linux() {
    for options in [ThreadOptions::new(), ThreadOptions::new().cpus([first_cpu()])] {
        in_child(|| {
            let expected = if options == ThreadOptions::new() { cpus(&main_thread()) } else { first_cpu().to_string() };
            options.exact_sleep(true).set_for_process().unwrap();
            let timer = armed();
            assert_eq!(scheduling(&the_thread()), ordinary());
            assert_eq!(cpus(&the_thread()), expected);
            timer.arm_after(Duration::from_millis(1)).unwrap();
            assert_eq!(timer.wait(None).unwrap(), 1);
        });
    }
}

fn chosen_real_time_policies_are_those_of_the_thread() {
    let (fifo, round_robin) = (ThreadPolicy::Fifo(60), ThreadPolicy::RoundRobin(7));
    for (policy, number, priority) in [(fifo, libc::SCHED_FIFO, 60), (round_robin, libc::SCHED_RR, 7)] {
        in_child(|| {
            ThreadOptions::new().policy(policy).set_for_process().unwrap();
            let _timer = armed();
            assert_eq!(scheduling(&the_thread()), (number, priority, nice()));
            assert_eq!(cpus(&the_thread()), cpus(&main_thread()));
        });
    }
}

/// Runs `check` in a forked child, which must succeed.
fn in_child(check: impl FnOnce()) {
    // SAFETY: this process has one thread, or also a thread of the library, which the child does
    // not need.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => assert_succeeds(child),
        ForkResult::Child => {
            check();
            std::process::exit(0);
        }
    }
}

fn assert_succeeds(child: Pid) {
    assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
}

fn a_forked_child_keeps_the_options() {
    ThreadOptions::new().cpus([first_cpu()]).set_for_process().unwrap();
    let _timer = armed();
    in_child(|| {
        assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY));
        let _timer = armed();
        assert_eq!(cpus(&the_thread()), first_cpu().to_string());
    });
}

/// Asserts that arming fails because the options are not available, and leaves the timer unchanged.
fn assert_arming_fails(options: ThreadOptions, error: i32) {
    options.set_for_process().unwrap();
    let timer = userspace();
    let before = TimerSpec::disarmed().every(HOUR);
    timer.set(&before).unwrap();
    for _ in 0..2 {
        assert_eq!(errno(timer.arm_after(Duration::ZERO)), Some(error));
        assert_eq!(timer.get().unwrap(), before);
        assert_eq!(errno(timer.try_read()), Some(libc::EAGAIN));
    }
    assert_eq!(errno(start_thread()), Some(error));
    // A thread that was created for a moment may still be about to end.
    while !timer_threads().is_empty() {
        std::thread::yield_now();
    }
}

fn options_that_the_system_refuses_can_be_replaced_until_the_thread_runs() {
    ThreadOptions::new().cpus([8191]).set_for_process().unwrap();
    assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY), "no start has failed");
    assert_eq!(errno(start_thread()), Some(libc::EINVAL));
    ThreadOptions::new().cpus([8190]).set_for_process().unwrap();
    assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY), "no start has failed since");
    let timer = userspace();
    assert_eq!(errno(timer.arm_after(HOUR)), Some(libc::EINVAL));
    in_child(|| assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY), "no start has failed here"));
    ThreadOptions::new().cpus([first_cpu()]).set_for_process().unwrap();
    timer.arm_after(HOUR).unwrap();
    assert_eq!(cpus(&the_thread()), first_cpu().to_string());
    assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY), "the thread runs");
}

fn a_policy_that_the_system_refuses_is_an_error_that_changes_nothing() {
    give_up_root();
    assert_arming_fails(ThreadOptions::new().policy(ThreadPolicy::Fifo(60)), libc::EPERM);
}

fn a_cpu_that_the_system_lacks_is_an_error_that_changes_nothing() {
    assert_arming_fails(ThreadOptions::new().cpus([8191]), libc::EINVAL);
}

fn a_chosen_ordinary_policy_is_not_replaced_by_an_inherited_one() {
    give_up_root();
    set_policy(libc::SCHED_IDLE, 0).unwrap();
    assert_arming_fails(ThreadOptions::new(), libc::EPERM);
}

/// The thread sets its name near the end of its start.
fn a_thread_that_is_started_early_has_begun_when_the_call_returns() {
    for _ in 0..30 {
        in_child(|| {
            start_thread().unwrap();
            assert_eq!(timer_threads().len(), 1);
        });
    }
}

fn an_early_start_that_fails_keeps_no_thread() {
    give_up_root();
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
    setrlimit(Resource::RLIMIT_NPROC, 0, hard).unwrap();
    assert_eq!(errno(start_thread()), Some(libc::ENOMEM));
    setrlimit(Resource::RLIMIT_NPROC, hard, hard).unwrap();
    drop(armed());
    until_the_thread_has_ended();
}
