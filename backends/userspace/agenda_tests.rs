//! Which timers the thread takes, how many at a time, and for how long it may sleep.

use super::super::taken::MOST;
use super::*;

#[test]
fn a_clock_that_can_jump_is_looked_at_four_times_a_second_and_no_other_is() {
    const HOUR: u64 = 3_600_000_000_000;
    let agenda = || {
        let mut agenda = Agenda::new();
        agenda.enlist();
        agenda
    };
    let at = |clock| {
        let mut agenda = agenda();
        let line = Line { clock, urgency: Urgency::Economical };
        let key = agenda.enlist();
        agenda.enqueue(key, (line, time(clock) + HOUR), &Arc::new(()));
        let now = time(Clock::Monotonic);
        agenda.rest(now).1 - now
    };
    assert!(at(Clock::Monotonic) > HOUR / 2);
    assert_eq!(at(Clock::Realtime), 250_000_000);
    assert_eq!(at(Clock::Boottime), 250_000_000);
    let mut agenda = agenda();
    assert_eq!(agenda.rest(5), (Rest::Sleep, NEVER));
    let key = agenda.enlist();
    agenda.watch_steps(key, &Arc::new(()));
    assert_eq!(agenda.rest(5), (Rest::Sleep, 250_000_005));
}

#[test]
fn the_thread_is_to_end_a_second_after_the_last_is_gone_and_not_while_one_is_alive() {
    let mut agenda = Agenda::<()>::new();
    let keys = [agenda.enlist(), agenda.enlist()];
    agenda.discharge(keys[0]);
    assert_eq!(agenda.end(), None);
    let before = time(Clock::Monotonic);
    agenda.discharge(keys[1]);
    let after = time(Clock::Monotonic);
    let end = agenda.end().unwrap();
    assert!((before..=after).contains(&(end - 1_000_000_000)));
    assert_eq!(agenda.rest(before), (Rest::Sleep, end));
    agenda.enlist();
    assert_eq!(agenda.end(), None);
}

const UNREAD: Line = Line { clock: Clock::Monotonic, urgency: Urgency::Unread };
const LINE: Line = Line { clock: Clock::Monotonic, urgency: Urgency::Economical };

/// Registers a timer that is due at this time.
fn due(agenda: &mut Agenda<u64>, due: u64) -> (Key, Arc<u64>) {
    let (key, timer) = (agenda.enlist(), Arc::new(due));
    agenda.enqueue(key, (LINE, due), &timer);
    (key, timer)
}

#[test]
fn timers_are_taken_a_few_at_a_time_and_none_twice() {
    let mut agenda = Agenda::new();
    let timers: Vec<_> = (1..=300).map(|time| due(&mut agenda, time)).collect();
    let (mut taken, mut times, mut seen) = (Taken::new(), [200; CLOCKS.len()], Vec::new());
    loop {
        agenda.take_due(&mut times, &mut taken);
        if taken.is_empty() {
            break;
        }
        let some: Vec<u64> = taken.iter_mut().map(|(_, timer)| **timer).collect();
        assert!(some.len() <= MOST);
        seen.extend(some);
        agenda.give_back(&mut taken);
        // Due later than the times at which the thread began, though it is due by now.
        agenda.enqueue(timers[0].0, (LINE, 201), &timers[0].1);
    }
    assert_eq!(seen, (1..=200).collect::<Vec<u64>>());
    assert!(timers.iter().all(|(_, timer)| Arc::strong_count(timer) == 2));
}

/// The thread must not be the one that frees it.
#[test]
fn a_timer_that_is_unregistered_while_the_thread_has_it_is_left_to_a_caller() {
    let mut agenda = Agenda::new();
    let (key, timer) = due(&mut agenda, 1);
    let mut taken = Taken::new();
    agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
    assert_eq!(agenda.discharge(key), None);
    assert_ne!(agenda.enlist(), key, "the thread still has the old one");
    assert_eq!(agenda.given_back(), None);
    agenda.give_back(&mut taken);
    assert_eq!(Arc::strong_count(&timer), 2);
    assert_eq!(agenda.given_back(), Some(timer));
    assert_eq!(agenda.given_back(), None);
    assert_eq!(agenda.enlist(), key);
}

#[test]
fn a_timer_that_is_enqueued_while_the_thread_has_it_comes_again() {
    let mut agenda = Agenda::new();
    let (key, timer) = due(&mut agenda, 2);
    let mut taken = Taken::new();
    agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
    agenda.enqueue(key, (LINE, 1), &timer);
    agenda.give_back(&mut taken);
    agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
    assert_eq!(taken.iter_mut().map(|(reason, _)| *reason).collect::<Vec<_>>(), [Reason::IsDue(1)]);
}

#[test]
fn every_timer_that_waits_for_clock_changes_is_taken_once() {
    let mut agenda = Agenda::new();
    let timers: Vec<_> = (0..300).map(|_| (agenda.enlist(), Arc::new(()))).collect();
    timers.iter().for_each(|(key, timer)| agenda.watch_steps(*key, timer));
    timers.iter().step_by(2).for_each(|(key, _)| agenda.unwatch_steps(*key));
    let (mut taken, mut number, mut count) = (Taken::new(), 0, 0);
    loop {
        number = agenda.take_watchers(number, &mut taken);
        if taken.is_empty() {
            break;
        }
        assert!(taken.iter_mut().all(|(reason, _)| *reason == Reason::ClockChange));
        count += taken.len();
        agenda.give_back(&mut taken);
    }
    assert_eq!(count, 150);
    timers.iter().for_each(|(key, _)| drop(agenda.discharge(*key)));
    assert!(!agenda.has_watchers());
}

/// A timer whose lock a caller has is left alone for a while, whatever else is due.
#[test]
fn a_busy_timer_comes_again_later_and_only_once() {
    let mut agenda = Agenda::new();
    let (key, timer) = due(&mut agenda, 2);
    let mut taken = Taken::new();
    agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
    taken.iter_mut().for_each(|(reason, _)| *reason = Reason::IsBusy(2));
    agenda.give_back(&mut taken);
    let again = agenda.busy_until;
    agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
    agenda.take_busy(again - 1, &mut taken);
    assert!(taken.is_empty());
    assert!(agenda.rest(again - 1).1 <= again);
    agenda.take_busy(again, &mut taken);
    assert_eq!(taken.iter_mut().map(|(reason, _)| *reason).collect::<Vec<_>>(), [Reason::IsDue(2)]);
    // The caller has put it into a queue in the meantime.
    agenda.enqueue(key, (LINE, 1), &timer);
    taken.iter_mut().for_each(|(reason, _)| *reason = Reason::IsBusy(2));
    agenda.give_back(&mut taken);
    agenda.take_busy(u64::MAX, &mut taken);
    assert!(taken.is_empty());
    agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
    assert_eq!(taken.iter_mut().map(|(reason, _)| *reason).collect::<Vec<_>>(), [Reason::IsDue(1)]);
}

/// Some at a time, those first that have waited for longest, and none before its time.
#[test]
fn timers_that_stay_unread_are_taken_in_rounds_of_any_clock() {
    let mut agenda = Agenda::new();
    let mut seen = [0; CLOCKS.len()];
    for (number, clock) in CLOCKS.into_iter().enumerate() {
        for due in 1..=100 {
            let key = agenda.enlist();
            agenda.enqueue(key, (Line { clock, ..UNREAD }, due), &Arc::new(number));
        }
    }
    let (mut taken, mut times) = (Taken::new(), [u64::MAX; CLOCKS.len()]);
    agenda.take_due(&mut times, &mut taken);
    assert!(taken.is_empty(), "they are not among what is urgent");
    for _ in 0..3 {
        agenda.take_unread(&times, &mut taken);
        assert_eq!(taken.len(), refreshes::MOST);
        taken.iter_mut().for_each(|(_, clock)| seen[**clock] += 1);
        agenda.give_back(&mut taken);
        agenda.refreshes.made(time(Clock::Monotonic), 0, 1_000_000_000);
        agenda.take_unread(&times, &mut taken);
        assert!(taken.is_empty(), "the next round is a second away");
        assert!(!agenda.rests_past(UNREAD, 1), "nobody wakes the thread for them");
        let rounds = agenda.refreshes.rounds();
        agenda.refreshes = Refreshes::default();
        (0..rounds).for_each(|_| agenda.refreshes.made(0, 0, 0));
    }
    let exist = CLOCKS.map(|clock| clock.now().is_ok());
    assert_eq!(seen.map(|seen| seen > 0), exist, "{seen:?}");
}
