//! polling: a `TimerSet` in each mode of a poller.

use crate::awaited_set::Lined;
use crate::sources::{assert_closed, Heartbeat};
use crate::support::*;
use portable_timerfd::loops::polling::PollingSource;
use portable_timerfd::polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Backend, Clock, Registered, SimulatedClock, Timer, TimerFd, TimerSet};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    every_mode_reports_each_deadline,
    every_mode_reports_a_set_that_was_due_before,
    every_mode_reports_an_earlier_entry,
    every_mode_reports_a_postponed_entry_at_the_later_time,
    every_mode_reports_an_undrained_set_as_often_as_documented,
    a_set_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved,
    the_key_and_the_interest_can_be_changed,
    a_users_own_type_is_lent_by_exclusive_reference,
    the_timer_of_a_set_can_be_registered_as_well,
    a_dropped_source_is_deleted,
    a_set_that_was_taken_out_is_deleted_and_works,
    a_set_leaves_no_descriptor,
    a_replaced_set_wakes_no_other_source,
    a_poller_that_is_dropped_first_does_no_harm,
];

const NOW: Option<Duration> = Some(Duration::ZERO);

/// Returns the modes of this system's poller.
fn modes() -> impl Iterator<Item = PollMode> {
    let poller = Poller::new().unwrap();
    let all = [PollMode::Level, PollMode::Edge, PollMode::Oneshot, PollMode::EdgeOneshot];
    all.into_iter().filter(move |mode| match mode {
        PollMode::Level => poller.supports_level(),
        PollMode::Edge | PollMode::EdgeOneshot => poller.supports_edge(),
        _ => true,
    })
}

fn keys(poller: &Poller, limit: Option<Duration>) -> Vec<usize> {
    let mut events = Events::new();
    poller.wait(&mut events, limit).unwrap();
    events.iter().map(|event| event.key).collect()
}

/// A set in a poller.
struct InPoller<M: Timer = TimerFd> {
    poller: Arc<Poller>,
    source: PollingSource<TimerSet<u32, M>>,
    mode: PollMode,
}

const KEY: usize = 5;

impl<M: Timer> InPoller<M> {
    fn new(timer: M, mode: PollMode) -> InPoller<M> {
        InPoller::from(TimerSet::with_timer(timer).unwrap(), mode)
    }

    fn from(set: TimerSet<u32, M>, mode: PollMode) -> InPoller<M> {
        let poller = Arc::new(Poller::new().unwrap());
        let source = PollingSource::new(&poller, set, Event::readable(KEY), mode).unwrap();
        InPoller { poller, source, mode }
    }

    fn set(&mut self) -> &mut TimerSet<u32, M> {
        self.source.get_mut()
    }

    /// Takes all entries that are due, and requests the next event if the mode needs that.
    fn drain(&mut self) -> Vec<u32> {
        let set = self.source.get_mut();
        let values = std::iter::from_fn(|| set.next_expired().unwrap()).map(|expired| expired.value.unwrap()).collect();
        if matches!(self.mode, PollMode::Oneshot | PollMode::EdgeOneshot) {
            self.ask();
        }
        values
    }

    fn ask(&self) {
        self.source.modify(Event::readable(KEY), self.mode).unwrap();
    }

    #[track_caller]
    fn assert_reported(&self, limit: Option<Duration>) {
        assert_eq!(keys(&self.poller, limit), [KEY], "{:?}", self.mode);
    }

    #[track_caller]
    fn assert_silent(&self) {
        assert!(keys(&self.poller, Some(ms(1))).is_empty(), "{:?}", self.mode);
    }

    /// Waits for the next entries.
    #[track_caller]
    fn next(&mut self) -> Vec<u32> {
        loop {
            self.assert_reported(None);
            let values = self.drain();
            if !values.is_empty() {
                return values;
            }
        }
    }
}

fn every_mode_reports_each_deadline(backend: Backend) {
    for mode in modes() {
        let mut registered = InPoller::new(open(backend), mode);
        let first = registered.set().now(Clock::Monotonic).unwrap() + ms(1);
        for n in (0..10).map(|n| n * 7 % 10) {
            registered.set().insert_at(first + ms(1) / 4 * n, n).unwrap();
        }
        let mut values = Vec::new();
        while values.len() < 10 {
            values.extend(registered.next());
            let last = u32::try_from(values.len()).unwrap() - 1;
            assert!(registered.set().now(Clock::Monotonic).unwrap() >= first + ms(1) / 4 * last);
        }
        assert!(values.into_iter().eq(0..10));
        registered.assert_silent();
    }
}

fn every_mode_reports_a_set_that_was_due_before(backend: Backend) {
    for mode in modes() {
        let mut set = TimerSet::with_timer(open(backend)).unwrap();
        for value in 0..3 {
            set.insert_after(Duration::ZERO, value).unwrap();
        }
        until_readable(&set);
        assert_eq!(set.next_expired().unwrap().unwrap().value, Some(0));
        let mut registered = InPoller::from(set, mode);
        registered.assert_reported(NOW);
        assert_eq!(registered.drain(), [1, 2]);
        registered.assert_silent();
    }
}

fn every_mode_reports_an_earlier_entry(backend: Backend) {
    for mode in modes() {
        let mut registered = InPoller::new(open(backend), mode);
        for round in 1..=3 {
            registered.set().insert_after(HOUR / round, 0).unwrap();
            registered.assert_silent();
            registered.set().insert_after(ms(1), round).unwrap();
            assert_eq!(registered.next(), [round]);
        }
        registered.assert_silent();
    }
}

fn every_mode_reports_a_postponed_entry_at_the_later_time(backend: Backend) {
    for mode in modes() {
        let mut registered = InPoller::new(open(backend), mode);
        for round in 0..3 {
            let key = registered.set().insert_after(ms(1), round).unwrap();
            assert!(registered.set().rearm_after(key, HOUR).unwrap());
            registered.assert_reported(None);
            assert!(registered.drain().is_empty());
            registered.assert_silent();
            let goal = registered.set().now(Clock::Monotonic).unwrap() + ms(1);
            assert!(registered.set().rearm_at(key, goal).unwrap());
            assert_eq!(registered.next(), [round]);
            assert!(registered.set().now(Clock::Monotonic).unwrap() >= goal);
        }
    }
}

fn every_mode_reports_an_undrained_set_as_often_as_documented(backend: Backend) {
    for mode in modes() {
        let mut registered = InPoller::new(open(backend), mode);
        for value in 0..4 {
            registered.set().insert_after(Duration::ZERO, value).unwrap();
        }
        registered.assert_reported(None);
        for value in 0..3 {
            assert_eq!(registered.set().next_expired().unwrap().unwrap().value, Some(value));
            if mode != PollMode::Level {
                registered.assert_silent();
                registered.ask();
            }
            registered.assert_reported(NOW);
        }
        assert_eq!(registered.drain(), [3]);
        registered.assert_silent();
    }
}

/// Runs in simulated time, for every backend.
fn a_set_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved(_: Backend) {
    for mode in modes() {
        let clock = SimulatedClock::new();
        let mut registered = InPoller::new(clock.timer(Clock::Monotonic).unwrap(), mode);
        for value in 1..=3 {
            registered.set().insert_after(HOUR * value, value).unwrap();
        }
        for value in 1..=3 {
            clock.advance(HOUR - SECOND);
            assert!(keys(&registered.poller, NOW).is_empty());
            clock.advance(SECOND);
            registered.assert_reported(NOW);
            assert_eq!(registered.drain(), [value]);
        }
    }
}

fn the_key_and_the_interest_can_be_changed(backend: Backend) {
    for mode in modes() {
        let mut registered = InPoller::new(open(backend), mode);
        registered.source.modify(Event::none(KEY), mode).unwrap();
        registered.set().insert_after(Duration::ZERO, 1).unwrap();
        until_readable(registered.set());
        registered.assert_silent();
        registered.source.modify(Event::readable(KEY + 1), mode).unwrap();
        assert_eq!(keys(&registered.poller, NOW), [KEY + 1]);
        assert_eq!(registered.drain(), [1]);
    }
}

fn a_users_own_type_is_lent_by_exclusive_reference(backend: Backend) {
    let poller = Arc::new(Poller::new().unwrap());
    let heartbeat = Heartbeat::new(open(backend));
    let mut source = PollingSource::new(&poller, heartbeat, Event::readable(1), PollMode::Oneshot).unwrap();
    for sent in 1..=3 {
        source.get_ref().timer.arm_after(ms(1)).unwrap();
        assert_eq!(keys(&poller, None), [1]);
        source.get_mut().on_readable().unwrap();
        assert_eq!(source.get_ref().sent, sent);
        source.modify(Event::readable(1), PollMode::Oneshot).unwrap();
    }
}

/// A set registers a duplicate of its descriptor.
fn the_timer_of_a_set_can_be_registered_as_well(backend: Backend) {
    for mode in modes() {
        let timer = Arc::new(open(backend));
        let mut registered = InPoller::new(Arc::clone(&timer), mode);
        let other = Registered::new(&registered.poller, timer, Event::none(KEY + 1), mode).unwrap();
        registered.set().insert_after(ms(1), 1).unwrap();
        assert_eq!(registered.next(), [1]);
        drop(other);
        registered.set().insert_after(ms(1), 2).unwrap();
        assert_eq!(registered.next(), [2]);
    }
}

fn a_dropped_source_is_deleted(backend: Backend) {
    for mode in modes() {
        // The timer outlives the source, so only the deletion ends the registration.
        let timer = Arc::new(open(backend));
        let mut registered = InPoller::new(Arc::clone(&timer), mode);
        registered.set().insert_after(Duration::ZERO, 1).unwrap();
        until_readable(&*timer);
        let poller = registered.poller;
        drop(registered.source);
        assert!(keys(&poller, Some(ms(1))).is_empty());
        assert_eq!((Arc::strong_count(&timer), Arc::strong_count(&poller)), (1, 1));
    }
}

fn a_set_that_was_taken_out_is_deleted_and_works(backend: Backend) {
    for mode in modes() {
        let mut registered = InPoller::new(open(backend), mode);
        registered.set().insert_after(ms(1), 1).unwrap();
        let (mut set, poller) = (registered.source.into_inner(), registered.poller);
        until_readable(&set);
        assert!(keys(&poller, NOW).is_empty());
        assert_eq!(set.next_expired().unwrap().unwrap().value, Some(1));
        // It can be registered again.
        let mut again = InPoller::from(set, mode);
        again.set().insert_after(ms(1), 2).unwrap();
        assert_eq!(again.next(), [2]);
    }
}

fn a_set_leaves_no_descriptor(backend: Backend) {
    for mode in modes() {
        let (set, peer) = Lined::set(backend);
        let registered = InPoller::from(set, mode);
        registered.assert_silent();
        let set = registered.source.into_inner();
        assert_closed(&peer, false);
        let registered = InPoller::from(set, mode);
        assert_closed(&peer, false);
        drop(registered);
        assert_closed(&peer, true);
    }
}

/// Replacing the set does not end its registration. A later descriptor may reuse its number.
fn a_replaced_set_wakes_no_other_source(backend: Backend) {
    let mut came_again = false;
    for _ in 0..20 {
        let mut replaced = InPoller::new(open(backend), PollMode::Oneshot);
        let number = replaced.set().as_raw_fd();
        replaced.set().insert_after(Duration::ZERO, 0).unwrap();
        replaced.assert_reported(None);
        let other = TimerSet::with_timer(open(backend)).unwrap();
        *replaced.set() = other;
        // Each new descriptor takes the lowest number.
        let timers = [(); 3].map(|()| open(backend));
        came_again |= timers.iter().any(|timer| timer.as_raw_fd() == number);
        let (poller, source) = (replaced.poller, replaced.source);
        let mut others = (10..).zip(timers).map(|(key, timer)| add(&poller, timer, key)).collect::<Vec<_>>();
        assert_work(&poller, &mut others);
        let mut set = source.into_inner();
        set.insert_after(ms(1), 1).unwrap();
        set.wait_readable(None).unwrap();
        assert_eq!(set.next_expired().unwrap().unwrap().value, Some(1));
        // The end of the former registration does not end those of the others.
        assert_work(&poller, &mut others);
    }
    // Other tests may have taken the number in between, but not each time.
    assert!(came_again, "a number comes again");
}

fn add(poller: &Arc<Poller>, timer: TimerFd, key: usize) -> PollingSource<TimerSet<usize>> {
    let set = TimerSet::with_timer(timer).unwrap();
    PollingSource::new(poller, set, Event::readable(key), PollMode::Oneshot).unwrap()
}

/// Asserts that each source is reported with its key, which is 10 for the first one.
#[track_caller]
fn assert_work(poller: &Poller, sources: &mut [PollingSource<TimerSet<usize>>]) {
    for (key, source) in (10..).zip(sources) {
        source.get_mut().insert_after(ms(1), key).unwrap();
        assert_eq!(others(poller, None), [key]);
        assert_eq!(source.get_mut().next_expired().unwrap().unwrap().value, Some(key));
        assert!(source.get_mut().next_expired().unwrap().is_none());
        source.modify(Event::readable(key), PollMode::Oneshot).unwrap();
        assert!(others(poller, Some(ms(1))).is_empty());
    }
}

/// Returns the keys that are reported, except that of the replaced set.
fn others(poller: &Poller, limit: Option<Duration>) -> Vec<usize> {
    loop {
        let mut keys = keys(poller, limit);
        keys.retain(|&key| key != KEY);
        if !keys.is_empty() || limit.is_some() {
            return keys;
        }
    }
}

fn a_poller_that_is_dropped_first_does_no_harm(backend: Backend) {
    for mode in modes() {
        let InPoller { poller, mut source, .. } = InPoller::new(open(backend), mode);
        drop(poller);
        source.get_mut().insert_after(ms(1), 1).unwrap();
        source.get_ref().wait_readable(None).unwrap();
        assert_eq!(source.get_mut().next_expired().unwrap().unwrap().value, Some(1));
        source.modify(Event::readable(KEY), mode).unwrap();
    }
}
