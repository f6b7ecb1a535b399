//! The timer thread: its name, its signals, and when it runs.

use crate::common::{clocks, until_readable, HOUR};
use crate::{userspace, userspace_on};
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{Clock, ClockTime, CreateFlags, TimerSpec};
use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

crate::cases![
    userspace:
        the_thread_takes_no_signal_except_those_of_a_sandbox,
        a_disarmed_timer_starts_no_thread,
        rearming_wakes_the_thread_only_for_the_earliest_time,
        an_earlier_time_on_any_clock_wakes_the_thread,
        the_thread_sleeps_while_nothing_is_due,
        thousands_of_dropped_timers_leave_the_thread_nothing_to_do,
        an_unread_count_is_refreshed_by_few_wake_ups,
        many_unread_counts_take_little_cpu_time,
        the_thread_ends_after_the_last_timer_and_a_later_timer_starts_another,
        short_lived_timers_share_a_thread;
];

/// Cases for systems that have these attributes of a thread.
pub const OF_SOME_SYSTEMS: &[crate::Case] = &[
    ("userspace::the_thread_is_named", the_thread_is_named),
    ("userspace::the_thread_sleeps_without_slack", the_thread_sleeps_without_slack),
];

/// Returns what the system reports about a thread at one moment, by the names of the fields.
pub fn status(thread: &Path) -> impl Fn(&str) -> String {
    let status = std::fs::read_to_string(thread.join("status")).unwrap();
    move |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
}

/// Returns the directories of this process's threads in /proc.
fn tasks() -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path())
}

/// Returns the signals that a thread blocks.
fn blocked(thread: &Path) -> u64 {
    u64::from_str_radix(&status(thread)("SigBlk:"), 16).unwrap()
}

fn the_thread_is_named() {
    let timer = userspace();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    timer.wait(None).unwrap();
    let names: Vec<_> = tasks().map(|task| status(&task)("Name:")).collect();
    assert_eq!(names.iter().filter(|name| *name == "timerfd").count(), 1, "{names:?}");
}

fn the_thread_takes_no_signal_except_those_of_a_sandbox() {
    let timer = userspace();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    timer.wait(None).unwrap();
    let blocks = blocked(&the_thread());
    // KILL and STOP cannot be blocked. The C library keeps two or three signals for itself.
    let its_own = if cfg!(target_env = "musl") { 0b111 } else { 0b11 };
    let free = !blocks & !(1 << (9 - 1)) & !(1 << (19 - 1)) & !(its_own << (32 - 1));
    assert_eq!(free, 1 << (libc::SIGSYS - 1), "signals {free:#x} are not blocked");
    assert_eq!(blocked(Path::new("/proc/thread-self")), 0, "the caller's mask is as it was");
}

fn a_disarmed_timer_starts_no_thread() {
    let timer = userspace();
    timer.disarm().unwrap();
    timer.get().unwrap();
    assert!(timer.read().is_err());
    assert_eq!(tasks().count(), 1);
}

/// Whether this is a timer thread: by its name or, without names, because it is not the main
/// thread.
fn is_timer_thread(task: &Path) -> bool {
    if cfg!(portable_timerfd_test_posix) {
        return !task.ends_with(std::process::id().to_string());
    }
    // The thread may end during the check.
    std::fs::read_to_string(task.join("comm")).unwrap_or_default().trim() == "timerfd"
}

/// Returns the directories of the timer threads in /proc.
pub fn timer_threads() -> Vec<PathBuf> {
    tasks().filter(|task| is_timer_thread(task)).collect()
}

/// Waits until there is a timer thread with its name, and returns it.
pub fn the_thread() -> PathBuf {
    std::iter::repeat_with(|| timer_threads().pop()).flatten().next().unwrap()
}

/// Returns whether the thread sleeps, and how often it has gone to sleep.
fn sleeps_so_far(thread: &Path) -> (bool, u64) {
    let field = status(thread);
    (field("State:").starts_with('S'), field("voluntary_ctxt_switches:").parse().unwrap())
}

/// Returns how often the thread has gone to sleep, once it sleeps for long. While it waits for a
/// lock, it may be asleep for a moment.
fn sleeps_of_the_thread() -> u64 {
    let thread = the_thread();
    let mut last = None;
    loop {
        std::thread::sleep(Duration::from_millis(10));
        let (asleep, sleeps) = sleeps_so_far(&thread);
        if asleep && last == Some(sleeps) {
            return sleeps;
        }
        last = Some(sleeps);
    }
}

fn rearming_wakes_the_thread_only_for_the_earliest_time() {
    let (early, timer) = (userspace(), userspace());
    early.arm_after(HOUR).unwrap();
    timer.arm_after(2 * HOUR).unwrap();
    let before = sleeps_of_the_thread();
    for round in 0..10_000u32 {
        timer.arm_after(2 * HOUR + Duration::from_micros(round.into())).unwrap();
        timer.arm_after(2 * HOUR - Duration::from_micros(round.into())).unwrap();
        timer.disarm().unwrap();
    }
    assert_eq!(sleeps_of_the_thread(), before);
    timer.arm_after(HOUR / 2).unwrap();
    assert!(sleeps_of_the_thread() > before, "an earlier time than all wakes it");
}

fn an_earlier_time_on_any_clock_wakes_the_thread() {
    let far = userspace();
    far.arm_after(HOUR).unwrap();
    for clock in clocks() {
        let timer = userspace_on(clock);
        sleeps_of_the_thread();
        timer.arm_at(clock.now().unwrap() + Duration::from_millis(20)).unwrap();
        // Only the poller waits; no method is called.
        until_readable(&timer);
        assert_eq!(timer.read().unwrap(), 1, "{clock:?}");
    }
}

fn the_thread_sleeps_while_nothing_is_due() {
    let timers: Vec<_> = (0..4).map(|_| userspace()).collect();
    timers[0].arm_after(HOUR).unwrap();
    timers[1].arm_after(Duration::from_millis(1)).unwrap();
    timers[2].arm_every(Duration::from_millis(1)).unwrap();
    timers[1].wait(None).unwrap();
    timers[2].disarm().unwrap();
    timers[3].arm_after(Duration::MAX).unwrap();
    // Clocks that can be set keep the thread from long sleeps, but only while a timer on them is
    // armed.
    let settable: Vec<_> = clocks().into_iter().filter(|clock| *clock != Clock::Monotonic).map(userspace_on).collect();
    for timer in &settable {
        timer.arm_at(timer.clock().now().unwrap() + HOUR).unwrap();
        timer.disarm().unwrap();
        timer.arm_at(ClockTime::new(timer.clock(), Duration::MAX)).unwrap();
    }
    settable[0].set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    settable[0].disarm().unwrap();
    // These timers may have caused a short sleep. It is over once the thread has processed another
    // timer.
    timers[1].arm_after(Duration::from_millis(1)).unwrap();
    until_readable(&timers[1]);
    let before = sleeps_of_the_thread();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(sleeps_of_the_thread(), before);
}

fn thousands_of_dropped_timers_leave_the_thread_nothing_to_do() {
    // This timer keeps the thread alive.
    let _stays = userspace();
    for round in 0..2_000u64 {
        let timer = userspace();
        let interval = Duration::from_micros(20 + round % 50);
        timer.arm_every(interval).unwrap();
        // The timer is dropped at about the time when the thread processes it.
        let goal = Instant::now() + interval;
        while Instant::now() < goal {}
    }
    // If a timer were left, the thread would wake for it again and again.
    let before = sleeps_of_the_thread();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(sleeps_of_the_thread(), before);
}

fn an_unread_count_is_refreshed_by_few_wake_ups() {
    let timer = userspace();
    timer.arm_every(Duration::from_nanos(1)).unwrap();
    let thread = the_thread();
    // The first number is the CPU time of the thread in nanoseconds.
    let ran = || std::fs::read_to_string(thread.join("schedstat")).unwrap().split(' ').next().unwrap().parse().unwrap();
    let begun = Instant::now();
    let (before, sleeps_before): (u64, _) = (ran(), sleeps_so_far(&thread).1);
    std::thread::sleep(Duration::from_millis(500));
    let (after, sleeps_after) = (ran(), sleeps_so_far(&thread).1);
    let elapsed = begun.elapsed();
    // The back-off is 100 µs at first, doubles each time, and is 1.5 ms in the end.
    let most = 8 + elapsed.as_micros() / 1_500;
    assert!(
        u128::from(sleeps_after - sleeps_before) <= most,
        "{sleeps_before} to {sleeps_after} sleeps, {most} at most"
    );
    // The wake-ups alone take a few percent, more in a debug build. Spinning would take 100 %.
    assert!(Duration::from_nanos(after - before) < elapsed / 4, "it spins: {} ns of {elapsed:?}", after - before);
}

fn many_unread_counts_take_little_cpu_time() {
    let timers: Vec<_> = (0..300).map(|_| userspace()).collect();
    for timer in &timers {
        timer.arm_every(Duration::from_nanos(1)).unwrap();
    }
    let raw: Vec<_> = (0..50).map(|_| RawTimer::create(Clock::Monotonic, CreateFlags::default()).unwrap()).collect();
    let spec = TimerSpec::after(Duration::from_nanos(1)).every(Duration::from_nanos(1));
    for timer in &raw {
        RawTimer::find(timer.as_raw_fd()).unwrap().settime(&spec).unwrap();
    }
    let thread = the_thread();
    let ran = || std::fs::read_to_string(thread.join("schedstat")).unwrap().split(' ').next().unwrap().parse().unwrap();
    // Each count is processed four times before it counts as unread.
    std::thread::sleep(Duration::from_millis(300));
    let (begun, before): (_, u64) = (Instant::now(), ran());
    std::thread::sleep(Duration::from_millis(500));
    let (after, elapsed) = (ran(), begun.elapsed());
    let share = (after - before) as f64 / elapsed.as_nanos() as f64;
    assert!(share < 0.04, "{share} of a CPU");
}

fn the_thread_sleeps_without_slack() {
    let timer = userspace();
    timer.arm_after(HOUR).unwrap();
    let thread = the_thread();
    let slack = Path::new("/proc").join(thread.file_name().unwrap()).join("timerslack_ns");
    match std::fs::read_to_string(slack) {
        // Only root may read the timer slack.
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::PermissionDenied),
        Ok(slack) => assert_eq!(slack.trim(), "1"),
    }
}

pub fn until_the_thread_has_ended() {
    while !timer_threads().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn the_thread_ends_after_the_last_timer_and_a_later_timer_starts_another() {
    let stays = [0, 1, 2].map(|round| {
        let never_set = userspace();
        for clock in clocks() {
            let timer = userspace_on(clock);
            timer.set(&TimerSpec::at(clock.now().unwrap() + HOUR).cancel_on_set()).unwrap();
            the_thread();
            assert_eq!(timer_threads().len(), 1, "round {round}");
        }
        // A living timer keeps the thread, so that arming it later cannot fail for want of a
        // thread.
        let before = Instant::now();
        while before.elapsed() < Duration::from_millis(1_100) {
            assert_eq!(timer_threads().len(), 1);
            std::thread::sleep(Duration::from_millis(50));
        }
        let dropped = Instant::now();
        drop(never_set);
        until_the_thread_has_ended();
        dropped.elapsed()
    });
    let second = Duration::from_secs(1);
    // How much later the thread ends depends on the machine.
    assert!(stays.iter().all(|stay| *stay >= second) && *stays.iter().min().unwrap() < 2 * second, "{stays:?}");
    let timer = userspace();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

/// This includes timers that are dropped before they are due and never wake the thread.
fn short_lived_timers_share_a_thread() {
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    let mut seen = BTreeSet::new();
    while begun.elapsed() < Duration::from_millis(2_500) {
        for delay in [Duration::from_micros(100), HOUR] {
            let pause = Instant::now();
            let timer = userspace();
            timer.arm_after(delay).unwrap();
            seen.insert(the_thread());
            drop(timer);
            std::thread::sleep(Duration::from_millis(20));
            longest = longest.max(pause.elapsed());
        }
    }
    // Without a timer the thread stays for a second. A loaded machine may delay this test for
    // longer.
    assert!(seen.len() == 1 || longest >= Duration::from_secs(1), "{seen:?}");
}
