//! Which timers a sweep checks, and what happens to orphaned and lost ones.

use super::*;
use crate::backends::sys::fork_table::reserve;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

#[derive(Default)]
struct Timer {
    orphaned: AtomicBool,
    checks: AtomicUsize,
    closed: AtomicUsize,
    lost: AtomicUsize,
    inode: AtomicU64,
}

const LOST: u64 = u64::MAX;

impl FdOnly for Timer {
    fn check(&self, _first: RawFd) -> Option<(Option<Identity>, OpenDescriptors)> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        let inode = self.inode.load(Ordering::Relaxed);
        let is_orphaned = self.orphaned.load(Ordering::Relaxed);
        let open = if is_orphaned { OpenDescriptors::None } else { OpenDescriptors::Some };
        Some(((inode != LOST).then_some((1, inode)), open))
    }

    fn close(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

fn registry(number: u64) -> (Registry<Timer>, Vec<Arc<Timer>>) {
    let registry = Registry::new();
    let timers: Vec<_> = (0..number).map(|_| Arc::new(Timer::default())).collect();
    for (inode, timer) in timers.iter().enumerate() {
        timer.inode.store(inode as u64, Ordering::Relaxed);
        let entry = Entry {
            timer: Arc::clone(timer),
            clock: Clock::Monotonic,
            first: 3,
            listed: reserve().unwrap(),
            has_ended: false,
        };
        assert!(registry.insert((1, inode as u64), entry.clone()));
        assert!(!registry.insert((1, inode as u64), entry), "one of each identity");
    }
    (registry, timers)
}

#[test]
fn while_the_number_of_timers_doubles_each_is_checked_four_times() {
    let (registry, timers) = registry(1000);
    (0..=16).for_each(|_| registry.reclaim());
    assert_eq!(timers[7].checks.load(Ordering::Relaxed), 1);
    (0..1000).for_each(|_| registry.reclaim());
    assert_eq!(timers[7].checks.load(Ordering::Relaxed), 4);
}

#[test]
fn only_orphaned_timers_are_closed_and_unregistered() {
    let (registry, timers) = registry(5);
    timers[3].orphaned.store(true, Ordering::Relaxed);
    assert!(registry.sweep());
    assert!(!registry.sweep());
    for (inode, timer) in timers.iter().enumerate() {
        let known = registry.find((1, inode as u64)).is_some();
        assert_eq!((known, timer.closed.load(Ordering::Relaxed)), if inode == 3 { (false, 1) } else { (true, 0) });
    }
}

#[test]
fn a_timer_whose_descriptors_are_lost_is_not_closed() {
    let (registry, timers) = registry(2);
    timers[1].inode.store(LOST, Ordering::Relaxed);
    timers[1].orphaned.store(true, Ordering::Relaxed);
    registry.sweep();
    assert!(registry.find((1, 0)).is_some() && registry.find((1, 1)).is_none());
    let ends = |timer: &Timer| (timer.closed.load(Ordering::Relaxed), timer.lost.load(Ordering::Relaxed));
    assert_eq!([ends(&timers[0]), ends(&timers[1])], [(0, 0), (0, 1)]);
}

#[test]
fn release_ignores_a_new_timer_of_the_same_identity() {
    let (registry, timers) = registry(1);
    registry.release((1, 0), &Arc::new(Timer::default()));
    assert!(Arc::ptr_eq(&registry.find((1, 0)).unwrap().timer, &timers[0]));
}
