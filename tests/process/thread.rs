//! The timer thread: its signals, and when it runs.

use crate::common::{clocks, until_readable, HOUR};
use crate::crowd::raise_descriptor_limit;
use crate::timer_thread::{
    blocked_signals, has_ended, is_found_within, own_blocked_signals, the_thread, until_the_thread_has_ended,
};
use crate::usage::{cpu_time, nap, sleeps_during, sleeps_of_others};
use crate::{userspace, userspace_on};
use nix::libc;
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{Clock, ClockTime, CreateFlags, TimerSpec};
use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
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

fn the_thread_takes_no_signal_except_those_of_a_sandbox() {
    let timer = userspace();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    timer.wait(None).unwrap();
    let bit = |signal: libc::c_int| 1 << (signal - 1);
    // These cannot be blocked.
    let free = bit(libc::SIGKILL) | bit(libc::SIGSTOP) | bit(libc::SIGSYS);
    // The other signals that every system has are among the first 31.
    assert_eq!(blocked_signals() & 0x7fff_ffff, 0x7fff_ffff & !free);
    assert_eq!(own_blocked_signals(), 0, "the caller's mask is as it was");
}

fn a_disarmed_timer_starts_no_thread() {
    let timer = userspace();
    timer.disarm().unwrap();
    timer.get().unwrap();
    assert!(timer.read().is_err());
    assert!(!is_found_within(Duration::from_millis(100)));
    timer.arm_after(HOUR).unwrap();
    the_thread();
}

/// Whether one of several tries wakes no thread. The thread that works may have to wait for memory,
/// which looks the same.
fn wakes_no_thread(work: impl Fn()) -> bool {
    (0..5).any(|_| sleeps_during(&work) == 0)
}

fn rearming_wakes_the_thread_only_for_the_earliest_time() {
    let (early, timer) = (userspace(), userspace());
    early.arm_after(HOUR).unwrap();
    // A new timer is enqueued. An old one may keep its place in the queue.
    assert!(wakes_no_thread(|| {
        for round in 0..1_000 {
            let timer = userspace();
            timer.arm_after(2 * HOUR + Duration::from_micros(round)).unwrap();
            timer.arm_after(2 * HOUR - Duration::from_micros(round)).unwrap();
            timer.disarm().unwrap();
        }
    }));
    timer.arm_after(2 * HOUR).unwrap();
    let sleeps = sleeps_during(|| timer.arm_after(HOUR / 2).unwrap());
    assert!(sleeps > 0, "an earlier time than all wakes it");
}

fn an_earlier_time_on_any_clock_wakes_the_thread() {
    let far = userspace();
    far.arm_after(HOUR).unwrap();
    for clock in clocks() {
        let timer = userspace_on(clock);
        // Waits until the thread sleeps.
        sleeps_during(|| ());
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
    assert!(wakes_no_thread(|| nap(Duration::from_secs(1))));
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
    assert!(wakes_no_thread(|| nap(Duration::from_millis(300))));
}

fn an_unread_count_is_refreshed_by_few_wake_ups() {
    let timer = userspace();
    timer.arm_every(Duration::from_nanos(1)).unwrap();
    let is_little = |(sleeps, cpu_time, elapsed): (u64, Duration, Duration)| {
        println!("{sleeps} sleeps, {cpu_time:?} of {elapsed:?}");
        // The back-off is 100 µs at first, doubles each time, and is 1.5 ms in the end. The
        // wake-ups alone take a few percent, more in a debug build. Spinning would take 100 %.
        u128::from(sleeps) <= 8 + elapsed.as_micros() / 1_500 && cpu_time < elapsed / 4
    };
    assert!((0..10).any(|_| is_little(used_in_half_a_second())));
}

/// Returns how often the timer thread went to sleep, the CPU time that it took, and the duration.
fn used_in_half_a_second() -> (u64, Duration, Duration) {
    let (begun, sleeps, time) = (Instant::now(), sleeps_of_others(), cpu_time());
    nap(Duration::from_millis(500));
    (sleeps_of_others() - sleeps, cpu_time() - time, begun.elapsed())
}

fn many_unread_counts_take_little_cpu_time() {
    raise_descriptor_limit();
    let timers: Vec<_> = (0..300).map(|_| userspace()).collect();
    for timer in &timers {
        timer.arm_every(Duration::from_nanos(1)).unwrap();
    }
    let raw: Vec<_> = (0..50).map(|_| RawTimer::create(Clock::Monotonic, CreateFlags::default()).unwrap()).collect();
    let spec = TimerSpec::after(Duration::from_nanos(1)).every(Duration::from_nanos(1));
    for timer in &raw {
        RawTimer::find(timer.as_raw_fd()).unwrap().settime(&spec).unwrap();
    }
    // Each count is processed four times before it counts as unread.
    std::thread::sleep(Duration::from_millis(300));
    let (_, took, elapsed) = used_in_half_a_second();
    let share = took.as_secs_f64() / elapsed.as_secs_f64();
    assert!(share < 0.04, "{share} of a CPU");
}

fn the_thread_ends_after_the_last_timer_and_a_later_timer_starts_another() {
    let stays = [1, 2, 3].map(|round| {
        let never_set = userspace();
        for clock in clocks() {
            let timer = userspace_on(clock);
            timer.set(&TimerSpec::at(clock.now().unwrap() + HOUR).cancel_on_set()).unwrap();
            assert_eq!(the_thread(), round);
        }
        // A living timer keeps the thread, so that arming it later cannot fail for want of a
        // thread.
        let before = Instant::now();
        while before.elapsed() < Duration::from_millis(1_100) {
            assert!(!has_ended());
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
