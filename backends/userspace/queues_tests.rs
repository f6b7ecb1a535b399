//! Which timers the thread takes, how many at a time, and how long it may sleep.

use super::*;

#[test]
fn a_clock_that_can_be_set_is_checked_four_times_a_second_and_no_other_is() {
    const HOUR: u64 = 3_600_000_000_000;
    let new = || {
        let mut queues = TimerQueues::new();
        queues.register();
        queues
    };
    let at = |clock| {
        let mut queues = new();
        let key = QueueKey { clock, urgency: Urgency::Economical };
        let id = queues.register();
        queues.enqueue(id, (key, time(clock) + HOUR), &Arc::new(()));
        let now = time(Clock::Monotonic);
        queues.plan_wait(now).1 - now
    };
    assert!(at(Clock::Monotonic) > HOUR / 2);
    assert_eq!(at(Clock::Realtime), 250_000_000);
    assert_eq!(at(Clock::Boottime), 250_000_000);
    let mut queues = new();
    assert_eq!(queues.plan_wait(5), (Wait::Sleep, NEVER));
    let id = queues.register();
    queues.subscribe(id, &Arc::new(()));
    assert_eq!(queues.plan_wait(5), (Wait::Sleep, 250_000_005));
}

#[test]
fn the_thread_ends_a_second_after_the_last_timer_is_unregistered() {
    let mut queues = TimerQueues::<()>::new();
    let ids = [queues.register(), queues.register()];
    queues.unregister(ids[0]);
    assert_eq!(queues.thread_end(), None);
    let before = time(Clock::Monotonic);
    queues.unregister(ids[1]);
    let after = time(Clock::Monotonic);
    let end = queues.thread_end().unwrap();
    assert!((before..=after).contains(&(end - 1_000_000_000)));
    assert_eq!(queues.plan_wait(before), (Wait::Sleep, end));
    queues.register();
    assert_eq!(queues.thread_end(), None);
}

const UNREAD: QueueKey = QueueKey { clock: Clock::Monotonic, urgency: Urgency::Unread };
const KEY: QueueKey = QueueKey { clock: Clock::Monotonic, urgency: Urgency::Economical };

/// Registers a timer that is due at this time.
fn due(queues: &mut TimerQueues<u64>, due: u64) -> (TimerId, Arc<u64>) {
    let (id, timer) = (queues.register(), Arc::new(due));
    queues.enqueue(id, (KEY, due), &timer);
    (id, timer)
}

#[test]
fn timers_are_taken_in_batches_and_none_twice() {
    let mut queues = TimerQueues::new();
    let timers: Vec<_> = (1..=300).map(|time| due(&mut queues, time)).collect();
    let (mut batch, mut times, mut seen) = (Batch::new(), [200; CLOCKS.len()], Vec::new());
    loop {
        queues.take_due(&mut times, &mut batch);
        if batch.is_empty() {
            break;
        }
        let some: Vec<u64> = batch.iter_mut().map(|(_, timer)| **timer).collect();
        assert!(some.len() <= BATCH);
        seen.extend(some);
        queues.put_back(&mut batch);
        // Due later than the times at which the thread began, though it is due by now.
        queues.enqueue(timers[0].0, (KEY, 201), &timers[0].1);
    }
    assert_eq!(seen, (1..=200).collect::<Vec<u64>>());
    assert!(timers.iter().all(|(_, timer)| Arc::strong_count(timer) == 2));
}

/// The thread must not be the one that frees it.
#[test]
fn a_timer_that_is_unregistered_while_the_thread_has_it_is_freed_by_a_caller() {
    let mut queues = TimerQueues::new();
    let (id, timer) = due(&mut queues, 1);
    let mut batch = Batch::new();
    queues.take_due(&mut { ANY_TIMES }, &mut batch);
    assert_eq!(queues.unregister(id), None);
    assert_ne!(queues.register(), id, "the thread still has the old one");
    assert_eq!(queues.take_returned(), None);
    queues.put_back(&mut batch);
    assert_eq!(Arc::strong_count(&timer), 2);
    assert_eq!(queues.take_returned(), Some(timer));
    assert_eq!(queues.take_returned(), None);
    assert_eq!(queues.register(), id);
}

#[test]
fn a_timer_that_is_enqueued_while_the_thread_has_it_is_taken_again() {
    let mut queues = TimerQueues::new();
    let (id, timer) = due(&mut queues, 2);
    let mut batch = Batch::new();
    queues.take_due(&mut { ANY_TIMES }, &mut batch);
    queues.enqueue(id, (KEY, 1), &timer);
    queues.put_back(&mut batch);
    queues.take_due(&mut { ANY_TIMES }, &mut batch);
    assert_eq!(batch.iter_mut().map(|(reason, _)| *reason).collect::<Vec<_>>(), [Reason::Due(1)]);
}

#[test]
fn every_subscriber_to_clock_changes_is_taken_once() {
    let mut queues = TimerQueues::new();
    let timers: Vec<_> = (0..300).map(|_| (queues.register(), Arc::new(()))).collect();
    timers.iter().for_each(|(id, timer)| queues.subscribe(*id, timer));
    timers.iter().step_by(2).for_each(|(id, _)| queues.unsubscribe(*id));
    let (mut batch, mut number, mut count) = (Batch::new(), 0, 0);
    loop {
        number = queues.take_subscribers(number, 1, &mut batch);
        if batch.is_empty() {
            break;
        }
        assert!(batch.iter_mut().all(|(reason, _)| *reason == Reason::ClockChange(1)));
        count += batch.len();
        queues.put_back(&mut batch);
    }
    assert_eq!(count, 150);
    timers.iter().for_each(|(id, _)| drop(queues.unregister(*id)));
    assert!(!queues.has_subscribers());
}

/// The thread leaves a busy timer alone for a while, whatever else is due.
#[test]
fn a_busy_timer_is_taken_again_later_and_only_once() {
    let mut queues = TimerQueues::new();
    let (id, timer) = due(&mut queues, 2);
    let mut batch = Batch::new();
    queues.take_due(&mut { ANY_TIMES }, &mut batch);
    batch.iter_mut().for_each(|(reason, _)| *reason = Reason::Busy(2));
    queues.put_back(&mut batch);
    let again = queues.busy_until;
    queues.take_due(&mut { ANY_TIMES }, &mut batch);
    queues.take_busy(again - 1, &mut batch);
    assert!(batch.is_empty());
    assert!(queues.plan_wait(again - 1).1 <= again);
    queues.take_busy(again, &mut batch);
    assert_eq!(batch.iter_mut().map(|(reason, _)| *reason).collect::<Vec<_>>(), [Reason::Due(2)]);
    // The caller has put it into a queue in the meantime.
    queues.enqueue(id, (KEY, 1), &timer);
    batch.iter_mut().for_each(|(reason, _)| *reason = Reason::Busy(2));
    queues.put_back(&mut batch);
    queues.take_busy(u64::MAX, &mut batch);
    assert!(batch.is_empty());
    queues.take_due(&mut { ANY_TIMES }, &mut batch);
    assert_eq!(batch.iter_mut().map(|(reason, _)| *reason).collect::<Vec<_>>(), [Reason::Due(1)]);
}

/// In batches, those that have been due for longest first, and none before it is due.
#[test]
fn timers_that_stay_unread_are_taken_in_batches_on_any_clock() {
    let mut queues = TimerQueues::new();
    let mut seen = [0; CLOCKS.len()];
    for (number, clock) in CLOCKS.into_iter().enumerate() {
        for due in 1..=100 {
            let id = queues.register();
            queues.enqueue(id, (QueueKey { clock, ..UNREAD }, due), &Arc::new(number));
        }
    }
    let (mut batch, mut times) = (Batch::new(), { ANY_TIMES });
    queues.take_due(&mut times, &mut batch);
    assert!(batch.is_empty(), "they are not urgent");
    for _ in 0..3 {
        queues.take_unread(&times, &mut batch);
        assert_eq!(batch.len(), REFRESH_BATCH);
        batch.iter_mut().for_each(|(_, clock)| seen[**clock] += 1);
        queues.put_back(&mut batch);
        queues.refresh_budget.spend(time(Clock::Monotonic), 0, 0, 1_000_000_000);
        queues.take_unread(&times, &mut batch);
        assert!(batch.is_empty(), "the next batch is a second away");
        assert!(!queues.waits_past(UNREAD, 1), "no caller wakes the thread for them");
        let rounds = queues.refresh_budget.rounds();
        queues.refresh_budget = RefreshBudget::default();
        (0..rounds).for_each(|_| queues.refresh_budget.spend(0, 0, 0, 0));
    }
    let exist = CLOCKS.map(|clock| clock.now().is_ok());
    assert_eq!(seen.map(|seen| seen > 0), exist, "{seen:?}");
}

/// As while a debugger or a garbage collector stops the thread that holds the lock.
#[test]
fn the_pause_before_a_busy_timer_doubles_up_to_2_ms() {
    let mut queues = TimerQueues::new();
    due(&mut queues, 2);
    let mut batch = Batch::new();
    queues.take_due(&mut { ANY_TIMES }, &mut batch);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        batch.iter_mut().for_each(|(reason, _)| *reason = Reason::Busy(2));
        queues.put_back(&mut batch);
        pauses.push(queues.busy_pause / 1_000);
        queues.take_busy(queues.busy_until, &mut batch);
        assert_eq!(batch.len(), 1);
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    queues.put_back(&mut batch);
    queues.take_busy(u64::MAX, &mut batch);
    due(&mut queues, 2);
    queues.take_due(&mut { ANY_TIMES }, &mut batch);
    batch.iter_mut().for_each(|(reason, _)| *reason = Reason::Busy(2));
    queues.put_back(&mut batch);
    assert_eq!(queues.busy_pause, 50_000, "no timer was busy in between");
}

#[test]
fn every_busy_timer_is_tried_once_in_a_round() {
    let mut queues = TimerQueues::new();
    let timers: Vec<_> = (1..=150).map(|time| due(&mut queues, time)).collect();
    let mut batch = Batch::new();
    loop {
        queues.take_due(&mut { ANY_TIMES }, &mut batch);
        if batch.is_empty() {
            break;
        }
        batch.iter_mut().for_each(|(reason, timer)| *reason = Reason::Busy(**timer));
        queues.put_back(&mut batch);
    }
    for _ in 0..3 {
        let (now, mut tried) = (queues.busy_until, Vec::new());
        loop {
            queues.take_busy(now, &mut batch);
            if batch.is_empty() {
                break;
            }
            tried.extend(batch.iter_mut().map(|(reason, timer)| {
                *reason = Reason::Busy(**timer);
                **timer
            }));
            queues.put_back(&mut batch);
        }
        assert_eq!(tried, (1..=150).collect::<Vec<u64>>());
        assert!(queues.plan_wait(now).1 > now, "the thread pauses before the next round");
    }
    drop(timers);
}

#[test]
fn a_missed_clock_change_is_recorded_once() {
    let mut queues = TimerQueues::new();
    let id = queues.register();
    queues.subscribe(id, &Arc::new(()));
    let mut batch = Batch::new();
    queues.take_subscribers(0, 1, &mut batch);
    batch.iter_mut().for_each(|(reason, _)| *reason = Reason::MissedClockChange);
    queues.put_back(&mut batch);
    assert!(queues.take_missed_clock_change() && !queues.take_missed_clock_change());
}
