//! Who is looked at when, and what becomes of those who are abandoned or lost.

use super::*;
use crate::backends::sys::fork_table::reserve;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

#[derive(Default)]
struct Thing {
    abandoned: AtomicBool,
    looks: AtomicUsize,
    closed: AtomicUsize,
    lost: AtomicUsize,
    inode: AtomicU64,
}

const LOST: u64 = u64::MAX;

impl Ownerless for Thing {
    fn holders(&self, _number: RawFd) -> Holders {
        self.looks.fetch_add(1, Ordering::Relaxed);
        if self.abandoned.load(Ordering::Relaxed) {
            Holders::None
        } else {
            Holders::Some
        }
    }

    fn identity(&self) -> Option<Identity> {
        let inode = self.inode.load(Ordering::Relaxed);
        (inode != LOST).then_some((1, inode))
    }

    fn close(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

fn registry(number: u64) -> (Registry<Thing>, Vec<Arc<Thing>>) {
    let registry = Registry::new();
    let things: Vec<_> = (0..number).map(|_| Arc::new(Thing::default())).collect();
    for (inode, thing) in things.iter().enumerate() {
        thing.inode.store(inode as u64, Ordering::Relaxed);
        let entry = Entry {
            thing: Arc::clone(thing),
            clock: Clock::Monotonic,
            number: 3,
            pipe: reserve().unwrap(),
            is_ended: false,
        };
        assert!(registry.insert((1, inode as u64), entry.clone()));
        assert!(!registry.insert((1, inode as u64), entry), "one of each identity");
    }
    (registry, things)
}

#[test]
fn as_many_come_as_there_are_before_each_is_looked_at_four_times() {
    let (registry, things) = registry(1000);
    (0..=16).for_each(|_| registry.make_room());
    assert_eq!(things[7].looks.load(Ordering::Relaxed), 1);
    (0..1000).for_each(|_| registry.make_room());
    assert_eq!(things[7].looks.load(Ordering::Relaxed), 4);
}

#[test]
fn what_is_abandoned_is_closed_and_known_no_more_and_nothing_else() {
    let (registry, things) = registry(5);
    things[3].abandoned.store(true, Ordering::Relaxed);
    assert!(registry.look_at_all());
    assert!(!registry.look_at_all());
    for (inode, thing) in things.iter().enumerate() {
        let known = registry.find((1, inode as u64)).is_some();
        assert_eq!((known, thing.closed.load(Ordering::Relaxed)), if inode == 3 { (false, 1) } else { (true, 0) });
    }
}

#[test]
fn numbers_that_are_others_now_are_left_alone() {
    let (registry, things) = registry(2);
    things[1].inode.store(LOST, Ordering::Relaxed);
    things[1].abandoned.store(true, Ordering::Relaxed);
    registry.look_at_all();
    assert!(registry.find((1, 0)).is_some() && registry.find((1, 1)).is_none());
    let ends = |thing: &Thing| (thing.closed.load(Ordering::Relaxed), thing.lost.load(Ordering::Relaxed));
    assert_eq!([ends(&things[0]), ends(&things[1])], [(0, 0), (0, 1)]);
}

#[test]
fn another_of_the_same_identity_is_not_released_for_the_old() {
    let (registry, things) = registry(1);
    registry.release((1, 0), &Arc::new(Thing::default()));
    assert!(Arc::ptr_eq(&registry.find((1, 0)).unwrap().thing, &things[0]));
}

#[test]
fn rounds_come_a_second_after_the_last_news_and_a_minute_apart_at_last() {
    let mut rounds = Rounds::NONE;
    assert_eq!(rounds.at(), None);
    rounds.come_soon(5);
    let mut last = 5;
    let mut pause = |rounds: Rounds| {
        let at = rounds.at().unwrap();
        (at - std::mem::replace(&mut last, at)) / 1_000_000_000
    };
    let mut pauses = vec![pause(rounds)];
    for _ in 0..8 {
        rounds.made(false, true, rounds.at().unwrap());
        pauses.push(pause(rounds));
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    rounds.made(true, true, rounds.at().unwrap());
    assert_eq!(pause(rounds), 1);
    rounds.made(true, false, rounds.at().unwrap());
    assert_eq!(rounds.at(), None);
}
