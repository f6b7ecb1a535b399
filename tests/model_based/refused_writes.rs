//! Pipes that refuse writes, and reads that fail or are interrupted, in every order.

use crate::backends::sys::error::EIO;
use crate::backends::sys::fd;
use crate::clock_changes::{gets_ecanceled, step_and_wait, wall, watching, HOUR, LONGEST_BACK_OFF, WALL};
use crate::model::MODEL;
use crate::support::{counted_read, end, ns, open_on, raw_read};
use crate::timer::Timer;
use crate::{Clock, TimerSpec};
use shuttle::sync::Arc;
use std::os::fd::AsFd;

crate::cases![
    a_refused_count_of_a_one_shot_timer_is_written_later,
    a_call_writes_a_refused_count_at_once,
    a_closed_timer_waits_for_its_in_flight_write,
    a_setting_waits_for_the_in_flight_write,
    a_refused_cancellation_is_written_after_a_back_off,
    a_failed_read_does_not_lose_a_clock_step,
    a_failed_read_does_not_lose_a_count_already_read,
    an_interrupted_reader_leaves_nothing_unresolved,
    a_full_pipe_does_not_make_the_thread_spin,
];

/// No method is called on the timer: a poller calls none before the descriptor is readable.
fn a_refused_count_of_a_one_shot_timer_is_written_later() {
    let timer = open_on(Clock::Monotonic, true);
    MODEL.lock().refuses_writes = true;
    timer.arm_after(ns(10)).unwrap();
    MODEL.pass(10);
    MODEL.settle();
    assert_eq!(MODEL.lock().refused, 1);
    MODEL.lock().refuses_writes = false;
    MODEL.pass(LONGEST_BACK_OFF);
    MODEL.settle();
    assert!(fd::is_readable(timer.as_fd()));
    assert_eq!(raw_read(&timer), 1);
    drop(timer);
    MODEL.end();
}

/// No time passes between the refusal and the call, so the thread does not retry the write.
fn a_call_writes_a_refused_count_at_once() {
    let timer = open_on(Clock::Monotonic, true);
    MODEL.lock().refuses_writes = true;
    timer.arm_after(ns(10)).unwrap();
    MODEL.pass(10);
    MODEL.settle();
    MODEL.lock().refuses_writes = false;
    assert!(!fd::is_readable(timer.as_fd()));
    timer.get().unwrap();
    assert!(fd::is_readable(timer.as_fd()));
    assert_eq!(raw_read(&timer), 1);
    drop(timer);
    MODEL.end();
}

/// Otherwise the expiration of the old setting would be written after the new setting.
fn a_setting_waits_for_the_in_flight_write() {
    let timer = Arc::new(open_on(Clock::Monotonic, true));
    timer.arm_after(ns(10)).unwrap();
    MODEL.hold_writes();
    MODEL.pass(10);
    MODEL.wait_for_a_held_write();
    let to_set = Arc::clone(&timer);
    let setter = shuttle::thread::spawn(move || to_set.disarm().map(drop).unwrap());
    MODEL.release_writes();
    setter.join().unwrap();
    MODEL.settle();
    assert!(!fd::is_readable(timer.as_fd()));
    end(timer);
}

/// A read takes another program's message for the in-flight one. After that the state of the timer
/// no longer shows the write.
fn a_closed_timer_waits_for_its_in_flight_write() {
    let timer = open_on(Clock::Monotonic, true);
    timer.arm_after(ns(10)).unwrap();
    MODEL.hold_writes();
    MODEL.pass(10);
    MODEL.wait_for_a_held_write();
    fd::write_from_outside(&timer, 5);
    assert_eq!(counted_read(&timer), 5);
    let closer = shuttle::thread::spawn(|| drop(timer));
    MODEL.release_writes();
    closer.join().unwrap();
    MODEL.end();
}

fn a_refused_cancellation_is_written_after_a_back_off() {
    let timer = watching(true);
    MODEL.lock().refuses_writes = true;
    step_and_wait();
    MODEL.settle();
    assert!(!fd::is_readable(timer.as_fd()));
    MODEL.lock().refuses_writes = false;
    MODEL.pass(LONGEST_BACK_OFF);
    MODEL.settle();
    assert!(fd::is_readable(timer.as_fd()) && gets_ecanceled(&timer));
    drop(timer);
    MODEL.end();
}

fn a_failed_read_does_not_lose_a_clock_step() {
    let timer = watching(true);
    step_and_wait();
    MODEL.settle();
    MODEL.lock().refuses_reads = true;
    assert_eq!(timer.read().unwrap_err().raw_os_error(), Some(EIO));
    MODEL.lock().refuses_reads = false;
    assert!(gets_ecanceled(&timer) && !gets_ecanceled(&timer));
    drop(timer);
    MODEL.end();
}

fn a_failed_read_does_not_lose_a_count_already_read() {
    let timer = Arc::new(open_on(Clock::Monotonic, false));
    let waiter = Arc::clone(&timer);
    let waiter = shuttle::thread::spawn(move || waiter.read());
    // The reader blocks by then, since the timer is disarmed; otherwise its read fails at once.
    timer.arm_every(ns(10)).unwrap();
    MODEL.lock().refuses_reads = true;
    MODEL.pass(10);
    let read = waiter.join().unwrap();
    MODEL.lock().refuses_reads = false;
    let rest = if read.is_err() { counted_read(&timer) } else { 0 };
    assert_eq!(read.unwrap_or(0) + rest, 1);
    drop(timer);
    MODEL.end();
}

/// A raw read takes a message while a reader is blocked in `read`. That reader did not get it.
fn an_interrupted_reader_leaves_nothing_unresolved() {
    let timer = Arc::new(open_on(Clock::Realtime, false));
    timer.set(&TimerSpec::at(wall(WALL + 10)).every(ns(10))).unwrap();
    let waiter = Arc::clone(&timer);
    let waiter = shuttle::thread::spawn(move || drop(waiter.read()));
    MODEL.pass(15);
    MODEL.settle();
    raw_read(&timer);
    MODEL.interrupt();
    MODEL.pass(LONGEST_BACK_OFF);
    MODEL.settle();
    MODEL.end_handler();
    waiter.join().unwrap();
    MODEL.step_wall_clock(-(HOUR as i64));
    assert_eq!(counted_read(&timer), 0);
    drop(timer);
    MODEL.end();
}

fn a_full_pipe_does_not_make_the_thread_spin() {
    let timer = open_on(Clock::Monotonic, true);
    MODEL.lock().refuses_writes = true;
    timer.arm_every(ns(1)).unwrap();
    for _ in 0..50 {
        MODEL.pass(1_000);
        MODEL.settle();
    }
    assert!(MODEL.lock().refused <= 2);
    drop(timer);
    MODEL.end();
}
