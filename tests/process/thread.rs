//! The timer thread: its name, its signals, when it runs and when not.

use crate::userspace;
use portable_timerfd::Timer;
use std::time::Duration;

crate::cases![
    the_thread_is_named_and_takes_no_signal,
    a_disarmed_timer_starts_no_thread,
    rearming_wakes_nobody_unless_it_is_earlier_than_all,
    nothing_due_wakes_nobody,
];

const HOUR: Duration = Duration::from_secs(3600);

/// The threads of this process: their names, and the signals they block.
fn threads() -> Vec<(String, u64)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .map(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
            (field("Name:"), u64::from_str_radix(&field("SigBlk:"), 16).unwrap())
        })
        .collect()
}

fn the_thread_is_named_and_takes_no_signal() {
    let timer = userspace();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    timer.wait(None).unwrap();
    let threads = threads();
    let [(_, blocked)] = threads.iter().filter(|(name, _)| name == "timerfd").collect::<Vec<_>>()[..] else {
        panic!("one timer thread was expected among {threads:?}");
    };
    // KILL and STOP can't be blocked; the C library keeps two for itself.
    let free = !blocked & !(1 << (9 - 1)) & !(1 << (19 - 1)) & !(0b11 << (32 - 1));
    assert_eq!(free, 0, "signals {free:#x} are not blocked");
    assert!(threads.iter().any(|(_, blocked)| *blocked == 0), "the caller's mask is as it was: {threads:?}");
}

fn a_disarmed_timer_starts_no_thread() {
    let timer = userspace();
    timer.disarm().unwrap();
    timer.gettime().unwrap();
    assert!(timer.read().is_err());
    assert_eq!(threads().len(), 1);
}

/// How often the timer thread has gone to sleep, once it sleeps.
fn sleeps_of_the_thread() -> u64 {
    let tasks = || std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let name = |task: &std::path::Path| std::fs::read_to_string(task.join("comm")).unwrap();
    // A thread that has just been started names itself when it first runs.
    let task = std::iter::repeat_with(|| tasks().find(|task| name(task).trim() == "timerfd")).flatten().next().unwrap();
    let looks = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(10));
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        (field("State:"), field("voluntary_ctxt_switches:").parse().unwrap())
    });
    // It can be seen asleep for a moment where it waits for a lock: asleep for good is what does not change.
    let mut last = None;
    for (state, sleeps) in looks {
        if state.starts_with('S') && last == Some(sleeps) {
            return sleeps;
        }
        last = Some(sleeps);
    }
    unreachable!("the looks do not end")
}

fn rearming_wakes_nobody_unless_it_is_earlier_than_all() {
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

fn nothing_due_wakes_nobody() {
    let timers: Vec<_> = (0..4).map(|_| userspace()).collect();
    timers[0].arm_after(HOUR).unwrap();
    timers[1].arm_after(Duration::from_millis(1)).unwrap();
    timers[2].arm_every(Duration::from_millis(1)).unwrap();
    timers[1].wait(None).unwrap();
    timers[2].disarm().unwrap();
    timers[3].arm_after(Duration::MAX).unwrap();
    let before = sleeps_of_the_thread();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(sleeps_of_the_thread(), before);
}
