//! Deliveries that race with settings, reads, raw reads and drops, in every order.

use crate::backends::sys::fd;
use crate::model::{concurrently, MODEL};
use crate::support::{add, assert_ok, counted_read, end, monotonic, now, ns, open, open_blocking, raw_read};
use crate::timer::Timer;
use crate::{Clock, TimerSpec};
use shuttle::sync::Arc;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

crate::cases![
    a_waiting_reader_gets_the_expiration,
    a_waiting_raw_read_gets_the_expiration,
    an_earlier_setting_wakes_the_thread,
    a_later_setting_during_delivery_does_not_expire_early,
    no_count_of_the_old_setting_appears_after_settime,
    a_waiting_reader_never_mixes_two_settings,
    two_readers_never_mix_two_settings,
    one_expiration_goes_to_one_of_many_readers,
    reads_of_every_kind_add_up,
    a_back_off_does_not_delay_an_expiration_after_a_read,
    the_reported_setting_is_the_one_in_force,
    a_timer_dropped_during_delivery_leaves_nothing,
    a_timer_armed_while_the_thread_ends_is_served,
    two_threads_arm_the_first_timers,
];

fn a_waiting_reader_gets_the_expiration() {
    let timer = Arc::new(open_blocking());
    timer.arm_after(ns(10)).unwrap();
    concurrently(&timer, &[|timer| assert_eq!(timer.read().unwrap(), 1), |_| MODEL.pass(10)]);
    end(timer);
}

fn a_waiting_raw_read_gets_the_expiration() {
    let timer = Arc::new(open_blocking());
    concurrently(
        &timer,
        &[
            |timer| assert_eq!(fd::read_count(timer.as_fd()).unwrap(), Some(1)),
            |timer| assert!(!timer.replace(&TimerSpec::at(monotonic(1_000_010))).unwrap().is_armed()),
            |_| MODEL.pass(10),
        ],
    );
    end(timer);
}

fn an_earlier_setting_wakes_the_thread() {
    let timers = Arc::new([open_blocking(), open_blocking()]);
    timers[0].arm_after(ns(1_000_000)).unwrap();
    timers[1].arm_after(ns(500_000)).unwrap();
    concurrently(
        &timers,
        &[
            |timers| assert_eq!(fd::read_count(timers[1].as_fd()).unwrap(), Some(1)),
            |timers| assert!(timers[1].replace(&TimerSpec::at(monotonic(1_000_010))).unwrap().is_armed()),
            |_| MODEL.pass(10),
        ],
    );
    drop(Arc::into_inner(timers));
    MODEL.end();
}

fn a_later_setting_during_delivery_does_not_expire_early() {
    let timer = Arc::new(open_blocking());
    timer.arm_after(ns(10)).unwrap();
    concurrently(
        &timer,
        &[
            |timer| {
                timer.arm_at(monotonic(1_000_050)).unwrap();
                assert_eq!(fd::read_count(timer.as_fd()).unwrap(), Some(1));
                assert!(now() >= 1_000_050);
            },
            |_| (0..5).for_each(|_| MODEL.pass(10)),
        ],
    );
    end(timer);
}

fn no_count_of_the_old_setting_appears_after_settime() {
    let timer = Arc::new(open());
    timer.arm_every(ns(10)).unwrap();
    concurrently(
        &timer,
        &[
            |timer| {
                timer.arm_after(ns(1_000_000)).unwrap();
                for _ in 0..3 {
                    assert!(!fd::is_readable(timer.as_fd()));
                    assert_eq!((raw_read(timer), counted_read(timer)), (0, 0));
                }
            },
            |_| (0..4).for_each(|_| MODEL.pass(10)),
        ],
    );
    end(timer);
}

/// The old setting counts by its clock, and the new one is a one-shot. A mixture would be one more.
fn a_waiting_reader_never_mixes_two_settings() {
    let timer = Arc::new(open_blocking());
    concurrently(
        &timer,
        &[
            |timer| {
                let count = timer.read().unwrap();
                assert!(count == 1 || count == 1_000_000, "{count}");
                // The other count may still be in the pipe, or be discarded.
                let rest = counted_read(timer);
                assert!(rest == 0 || rest == 1 || rest == 1_000_000, "{rest}");
            },
            |timer| {
                timer.set(&TimerSpec::at(monotonic(1)).every(ns(1))).unwrap();
                timer.arm_after(Duration::ZERO).unwrap();
            },
        ],
    );
    end(timer);
}

/// The old setting counts a thousand. The new one counts less than ten while both read, or a
/// million in the end.
fn two_readers_never_mix_two_settings() {
    let timer = Arc::new(open_blocking());
    let waiter = Arc::clone(&timer);
    let waiter = shuttle::thread::spawn(move || {
        let count = waiter.read().unwrap();
        assert!(matches!(count, 1..=9 | 1_000 | 1_000_000..), "{count}");
    });
    concurrently(
        &timer,
        &[
            |timer| assert!(matches!(raw_read(timer), 0..=9 | 1_000)),
            |timer| {
                assert_ok(timer.set(&TimerSpec::at(monotonic(1_000)).every(ns(1_000))));
                assert_ok(timer.set(&TimerSpec::at(monotonic(1_000_000)).every(ns(10))));
            },
            |_| (0..3).for_each(|_| MODEL.pass(10)),
        ],
    );
    // The other reader may have left no count.
    MODEL.settle();
    MODEL.pass(40);
    MODEL.settle();
    MODEL.pass(10_000_000);
    waiter.join().unwrap();
    end(timer);
}

fn one_expiration_goes_to_one_of_many_readers() {
    let shared = Arc::new((open(), AtomicU64::new(0)));
    shared.0.arm_after(ns(10)).unwrap();
    concurrently(
        &shared,
        &[
            |(timer, sum)| add(sum, counted_read(timer)),
            |(timer, sum)| add(sum, raw_read(timer)),
            |(timer, _)| assert_ok(timer.get()),
            |_| MODEL.pass(10),
        ],
    );
    let (timer, sum) = Arc::into_inner(shared).unwrap();
    MODEL.settle();
    assert_eq!(sum.into_inner() + raw_read(&timer), 1);
    assert_eq!(counted_read(&timer), 0);
    drop(timer);
    MODEL.end();
}

fn reads_of_every_kind_add_up() {
    let shared = Arc::new((open(), AtomicU64::new(0)));
    shared.0.arm_every(ns(10)).unwrap();
    concurrently(
        &shared,
        &[
            |(timer, sum)| (0..2).for_each(|_| add(sum, counted_read(timer))),
            |(timer, sum)| (0..3).for_each(|_| add(sum, raw_read(timer))),
            |(timer, _)| assert_ok(timer.get()),
            |_| [10, 15, 200_000].into_iter().for_each(|nanos| MODEL.pass(nanos)),
        ],
    );
    let (timer, sum) = Arc::into_inner(shared).unwrap();
    add(&sum, counted_read(&timer));
    assert_eq!(sum.into_inner(), 20_002);
    drop(timer);
    MODEL.end();
}

fn a_back_off_does_not_delay_an_expiration_after_a_read() {
    let timer = open();
    timer.arm_every(ns(10)).unwrap();
    for _ in 0..10 {
        MODEL.pass(10_000_000);
        MODEL.settle();
    }
    assert!(counted_read(&timer) > 0);
    MODEL.pass(10);
    MODEL.settle();
    assert!(fd::is_readable(timer.as_fd()));
    end(Arc::new(timer));
}

fn the_reported_setting_is_the_one_in_force() {
    let timer = Arc::new(open());
    concurrently(
        &timer,
        &[
            |timer| assert_ok(timer.arm_after(ns(20))),
            |timer| assert_ok(timer.arm_after(ns(30))),
            |timer| assert_ok(timer.disarm()),
        ],
    );
    let left = timer.get().unwrap();
    for passed in [19, 20, 29, 30] {
        MODEL.pass(passed + 1_000_000 - now());
        MODEL.settle();
        let expires = matches!(left.initial(), crate::Initial::After(left) if left <= ns(passed));
        assert_eq!(fd::is_readable(timer.as_fd()), expires, "{passed} of {left:?}");
    }
    end(timer);
}

fn a_timer_dropped_during_delivery_leaves_nothing() {
    let timer = open();
    timer.arm_every(ns(10)).unwrap();
    let time = shuttle::thread::spawn(|| (0..3).for_each(|_| MODEL.pass(10)));
    drop(timer);
    time.join().unwrap();
    MODEL.end();
}

fn a_timer_armed_while_the_thread_ends_is_served() {
    let timer = open();
    timer.arm_after(ns(10)).unwrap();
    drop(timer);
    let time = shuttle::thread::spawn(|| MODEL.pass(1_000_000_000));
    let timer = open_blocking();
    timer.arm_at(monotonic(1_001_000_000)).unwrap();
    assert_eq!(fd::read_count(timer.as_fd()).unwrap(), Some(1));
    time.join().unwrap();
    drop(timer);
    MODEL.end();
}

fn two_threads_arm_the_first_timers() {
    concurrently(
        &Arc::new(()),
        &[
            |()| (0..2).map(|_| open()).for_each(|timer| assert_ok(timer.arm_after(ns(20)))),
            |()| {
                let timer = open_blocking();
                timer.arm_at(monotonic(1_000_010)).unwrap();
                assert_eq!(fd::read_count(timer.as_fd()).unwrap(), Some(1));
            },
            |()| (0..3).for_each(|_| MODEL.pass(10)),
        ],
    );
    MODEL.end();
}
