//! Cases for the registration of a `TimerSet` in each loop that can await its entries: tokio and
//! async-io.

use crate::awaited::Awaited;
use crate::awaited_set::{AwaitedSet, Lined, SetLoop};
use crate::sources::assert_closed;
use crate::support::*;
use crate::Case;
use portable_timerfd::{Backend, TimerSet};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

/// The cases, in one loop.
pub struct In<L>(L);

crate::cases_in_each![SetLoop:
    the_timer_of_a_set_can_be_registered_as_well,
    a_set_that_was_taken_out_is_deregistered,
    a_set_leaves_no_descriptor,
    a_replaced_set_wakes_no_other_source,
];

/// A set registers a duplicate of its descriptor.
fn the_timer_of_a_set_can_be_registered_as_well<L: SetLoop>(backend: Backend) {
    L::run(async {
        let timer = Arc::new(open(backend));
        let mut entries = AwaitedSet::<L, _>::new(Arc::clone(&timer));
        let other = L::Timer::new(timer).unwrap();
        for value in 0..2 {
            let goal = entries.insert_soon(value);
            entries.expect(value, goal).await;
        }
        drop(other);
        let goal = entries.insert_soon(2);
        entries.expect(2, goal).await;
    });
}

fn a_set_that_was_taken_out_is_deregistered<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut set = TimerSet::with_timer(open(backend)).unwrap();
        let number = set.as_raw_fd();
        for round in 0..50 {
            let mut entries = AwaitedSet::<L>::from(set);
            let goal = entries.insert_soon(round);
            entries.expect(round, goal).await;
            // Taken out in the middle of a drain.
            entries.insert_due([round, round + 1]);
            assert_eq!(entries.value().await, round);
            set = entries.into_set();
            assert_eq!(set.as_raw_fd(), number);
            assert_eq!(set.next_expired().unwrap().unwrap().value, Some(round + 1));
        }
        assert!(set.next_expired().unwrap().is_none());
        set.insert_after(ms(1), 0).unwrap();
        set.wait_readable(None).unwrap();
        assert_eq!(set.next_expired().unwrap().unwrap().value, Some(0));
    });
}

fn a_set_leaves_no_descriptor<L: SetLoop>(backend: Backend) {
    L::run(async {
        for was_waiting in [false, true] {
            for taken in [false, true] {
                let (set, peer) = Lined::set(backend);
                let mut entries = AwaitedSet::<L, Lined>::from(set);
                if was_waiting {
                    entries.assert_silent().await;
                }
                assert_closed(&peer, false);
                if taken {
                    let set = entries.into_set();
                    assert_closed(&peer, false);
                    drop(set);
                } else {
                    drop(entries);
                }
                assert_closed(&peer, true);
            }
        }
    });
}

/// Replacing the set does not end its registration. A later descriptor may reuse its number.
fn a_replaced_set_wakes_no_other_source<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut came_again = false;
        for _ in 0..20 {
            let mut replaced = AwaitedSet::<L>::new(open(backend));
            let number = replaced.set().as_raw_fd();
            replaced.set().insert_every(Duration::from_micros(100), 0).unwrap();
            replaced.next().await.unwrap();
            let other = TimerSet::with_timer(open(backend)).unwrap();
            *replaced.set() = other;
            // Each new descriptor takes the lowest number.
            let timers = [(); 3].map(|()| open(backend));
            came_again |= timers.iter().any(|timer| timer.as_raw_fd() == number);
            let mut others = timers.map(AwaitedSet::<L>::new);
            assert_work(&mut others).await;
            let mut set = replaced.into_set();
            set.insert_after(ms(1), 1).unwrap();
            set.wait_readable(None).unwrap();
            assert_eq!(set.next_expired().unwrap().unwrap().value, Some(1));
            // The end of the former registration does not end those of the others.
            assert_work(&mut others).await;
        }
        // Other tests may have taken the number in between, but not each time.
        assert!(came_again, "a number comes again");
    });
}

async fn assert_work<L: SetLoop>(sets: &mut [AwaitedSet<L>]) {
    for (n, entries) in (0..).zip(sets) {
        entries.assert_silent().await;
        let goal = entries.insert_soon(n);
        entries.expect(n, goal).await;
    }
}
