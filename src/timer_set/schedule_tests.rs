//! The schedule compared with a naive one, and the bounds on its memory.

use super::super::slots::NONE;
use super::*;
use proptest::prelude::*;
use std::mem::size_of;

const STEADY: usize = Base::Steady as usize;

/// A naive schedule: a list of entries, which is searched and sorted.
#[derive(Default)]
struct Naive {
    entries: Vec<(Key, Setting, u32)>,
    /// The keys that are left of the present drain, in order.
    batch: Option<Vec<Key>>,
    now: Times,
}

impl Naive {
    fn find(&mut self, key: Key) -> Option<usize> {
        self.entries.iter().position(|entry| entry.0 == key)
    }

    fn leave_batch(&mut self, key: Key) {
        self.batch.iter_mut().for_each(|batch| batch.retain(|&other| other != key));
    }

    fn begin(&mut self, now: Times) {
        self.now = now;
        let mut due: Vec<_> =
            self.entries.iter().filter(|(_, setting, _)| setting.deadline <= now[setting.base as usize]).collect();
        // The sort is stable, and the entries are in the order of their insertion.
        due.sort_by_key(|(_, setting, _)| std::cmp::Reverse(now[setting.base as usize] - setting.deadline));
        self.batch = Some(due.into_iter().map(|entry| entry.0).collect());
    }

    fn next(&mut self) -> Option<(Key, u64, Option<u32>)> {
        let key = self.batch.as_mut().filter(|batch| !batch.is_empty())?.remove(0);
        let index = self.find(key)?;
        let (_, setting, value) = &mut self.entries[index];
        if setting.interval == 0 {
            let value = *value;
            self.entries.remove(index);
            return Some((key, 1, Some(value)));
        }
        let count = (self.now[setting.base as usize] - setting.deadline) / setting.interval + 1;
        setting.deadline = setting.deadline.saturating_add(count.saturating_mul(setting.interval)).min(NEVER);
        Some((key, count, None))
    }

    fn first_deadlines(&self) -> Times {
        Base::ALL.map(|base| {
            let on_base = self.entries.iter().filter(|entry| entry.1.base == base);
            on_base.map(|entry| entry.1.deadline).min().unwrap_or(NEVER)
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Insert(Setting),
    Rearm(usize, Setting),
    Remove(usize),
    RemoveGone(usize),
    Take(usize),
    Drain,
    Pass(u64),
    Step(i64),
    Clear,
    Grow(usize),
}

fn base() -> impl Strategy<Value = Base> {
    any::<bool>().prop_map(|wall| Base::ALL[usize::from(wall)])
}

fn setting() -> impl Strategy<Value = Setting> {
    let interval = prop_oneof![4 => Just(0), 1 => 1..9u64, 1 => Just(NEVER)];
    let deadline = prop_oneof![8 => 0..60u64, 1 => Just(NEVER)];
    (base(), deadline, interval).prop_map(|(base, deadline, interval)| Setting { base, deadline, interval })
}

fn ops(many: usize) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => setting().prop_map(Op::Insert),
        8 => (any::<usize>(), setting()).prop_map(|(which, setting)| Op::Rearm(which, setting)),
        4 => any::<usize>().prop_map(Op::Remove),
        1 => any::<usize>().prop_map(Op::RemoveGone),
        4 => (1..5usize).prop_map(Op::Take),
        3 => Just(Op::Drain),
        4 => (0..9u64).prop_map(Op::Pass),
        2 => (-9..9i64).prop_map(Op::Step),
        1 => prop::bool::weighted(0.1).prop_map(|clear| if clear { Op::Clear } else { Op::Drain }),
        1 => (0..9usize).prop_map(Op::Grow),
    ];
    prop::collection::vec(op, 1..many)
}

struct Comparison {
    ours: Schedule<u32>,
    naive: Naive,
    gone: Vec<Key>,
    now: Times,
    inserted: u32,
}

impl Comparison {
    fn new() -> Comparison {
        Comparison { ours: Schedule::new(), naive: Naive::default(), gone: Vec::new(), now: [10, 20], inserted: 0 }
    }

    fn key(&self, which: usize) -> Option<Key> {
        let entries = &self.naive.entries;
        (!entries.is_empty()).then(|| entries[which % entries.len()].0)
    }

    /// Takes the next entry from both. Returns whether there was one.
    fn take(&mut self) -> bool {
        if self.naive.batch.is_none() {
            self.naive.begin(self.now);
            self.ours.begin_drain(self.now);
        }
        let ours = self.ours.next_due().map(|due| (due.key, due.count, due.value));
        assert_eq!(ours, self.naive.next());
        match ours {
            Some((key, _, Some(_))) => self.gone.push(key),
            Some(_) => {}
            None => {
                self.ours.end_drain();
                self.naive.batch = None;
            }
        }
        ours.is_some()
    }

    fn insert(&mut self, setting: Setting) {
        self.inserted += 1;
        self.ours.reserve_one().unwrap();
        let key = self.ours.insert(setting, self.inserted);
        assert!(!self.gone.contains(&key));
        self.naive.entries.push((key, setting, self.inserted));
    }

    fn rearm(&mut self, key: Key, setting: Setting) {
        let slot = self.ours.slots().find(key).unwrap();
        self.ours.rearm(slot, setting);
        self.naive.leave_batch(key);
        let index = self.naive.find(key).unwrap();
        self.naive.entries[index].1 = setting;
    }

    fn remove(&mut self, key: Key) {
        let index = self.naive.find(key).unwrap();
        let (_, _, value) = self.naive.entries.remove(index);
        assert_eq!(self.ours.remove(key), Some(value));
        self.naive.leave_batch(key);
        self.gone.push(key);
    }

    fn clear(&mut self) {
        self.ours.clear();
        self.gone.extend(self.naive.entries.drain(..).map(|entry| entry.0));
        self.naive.batch = None;
    }

    fn play(&mut self, op: Op) {
        match op {
            Op::Insert(setting) => self.insert(setting),
            Op::Rearm(which, setting) => self.key(which).into_iter().for_each(|key| self.rearm(key, setting)),
            Op::Remove(which) => self.key(which).into_iter().for_each(|key| self.remove(key)),
            Op::RemoveGone(which) if !self.gone.is_empty() => {
                assert_eq!(self.ours.remove(self.gone[which % self.gone.len()]), None);
            }
            Op::Take(many) => drop((0..many).find(|_| !self.take())),
            Op::Drain => while self.take() {},
            Op::Pass(by) => self.now = self.now.map(|now| now + by),
            Op::Step(by) => self.now[1] = self.now[1].saturating_add_signed(by),
            Op::Clear => self.clear(),
            Op::Grow(by) => self.ours.grow(self.ours.slots().capacity() + by).unwrap(),
            Op::RemoveGone(_) => {}
        }
        assert_eq!(self.ours.slots().len(), self.naive.entries.len());
        assert_eq!(self.ours.first_deadlines(), self.naive.first_deadlines());
        assert_eq!(self.ours.is_draining(), self.naive.batch.is_some());
        for (key, setting, _) in &self.naive.entries {
            assert_eq!(self.ours.deadline(*key), Some((setting.base, setting.deadline)));
        }
        self.ours.check();
    }
}

impl<T> Schedule<T> {
    /// Returns the number of entries in a batch.
    fn in_batch(&self, base: Base) -> usize {
        let next = |&number: &u32| {
            let place = self.slots.slot(number).place;
            assert_eq!((place.base(), place.is_in_batch()), (base, true));
            assert!(self.drain.is_some());
            Some(place.index()).filter(|&next| next != NONE)
        };
        std::iter::successors(self.batches[base as usize].first(), next).count()
    }

    /// Checks that each entry has one node, which is not after its deadline.
    fn check(&self) {
        let of_heaps: usize = Base::ALL.iter().map(|&base| self.heaps.len(base) as usize + self.in_batch(base)).sum();
        assert_eq!(of_heaps, self.slots.len());
        for base in Base::ALL {
            self.heaps.check(base, |slot| self.slots.slot(slot));
        }
    }
}

proptest! {
    #![proptest_config(if cfg!(miri) { ProptestConfig::with_cases(1) } else { ProptestConfig::default() })]

    #[test]
    fn scripts_match_a_naive_schedule(ops in ops(if cfg!(miri) { 40 } else { 120 })) {
        let mut comparison = Comparison::new();
        ops.into_iter().for_each(|op| comparison.play(op));
    }
}

/// Hundreds of entries. More of them are due at once than `collect` moves one by one.
#[derive(Debug)]
struct Crowd {
    /// The base of most entries.
    base: Base,
    settings: Vec<Setting>,
    /// Entries that are postponed by a time, whose nodes then are early.
    postponed: Vec<(usize, u64)>,
    ops: Vec<Op>,
}

/// The time when the drain begins.
const FULL: u64 = 50;

fn crowds() -> impl Strategy<Value = Crowd> {
    let many = if cfg!(miri) { 64..80 } else { 160..400usize };
    let settings = prop::collection::vec(setting(), many);
    (base(), settings, any::<bool>(), ops(if cfg!(miri) { 12 } else { 120 })).prop_flat_map(
        |(base, mut settings, postpones_all, ops)| {
            for (index, setting) in settings.iter_mut().enumerate() {
                setting.base = if index % 8 > 0 { base } else { setting.base };
                setting.deadline = if index % 4 > 0 { setting.deadline % FULL } else { setting.deadline };
            }
            let many = if postpones_all { 0..settings.len() * 2 } else { 0..settings.len() / 8 };
            let postponed = prop::collection::vec((any::<usize>(), 0..40u64), many);
            postponed.prop_map(move |postponed| Crowd { base, settings: settings.clone(), postponed, ops: ops.clone() })
        },
    )
}

impl Comparison {
    /// Inserts and postpones the entries of a crowd, without checks, which would move early nodes.
    fn fill(&mut self, crowd: &Crowd) {
        crowd.settings.iter().for_each(|&setting| self.insert(setting));
        for &(which, by) in &crowd.postponed {
            let which = which % self.naive.entries.len();
            let (key, setting, _) = self.naive.entries[which];
            let deadline = setting.deadline.saturating_add(by).min(NEVER);
            self.rearm(key, Setting { deadline, ..setting });
        }
        self.now = [FULL; 2];
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 40 }))]

    #[test]
    fn a_crowd_of_entries_that_are_due_at_once_matches_a_naive_schedule(crowd in crowds()) {
        let mut comparison = Comparison::new();
        comparison.fill(&crowd);
        let one_by_one = comparison.ours.max_single_moves(crowd.base) as usize;
        prop_assert!(comparison.take() || crowd.postponed.len() > crowd.settings.len() / 8);
        if crowd.postponed.len() < crowd.settings.len() / 8 {
            prop_assert!(comparison.ours.in_batch(crowd.base) > one_by_one);
        }
        crowd.ops.iter().for_each(|&op| comparison.play(op));
        // Everything is due, except the entries that never expire.
        comparison.play(Op::Drain);
        comparison.play(Op::Pass(1_000));
        comparison.play(Op::Drain);
    }
}

fn steady(deadline: u64) -> Setting {
    Setting { base: Base::Steady, deadline, interval: 0 }
}

fn insert(schedule: &mut Schedule<u64>, deadline: u64) -> Key {
    schedule.reserve_one().unwrap();
    schedule.insert(steady(deadline), deadline)
}

#[test]
fn removed_and_postponed_entries_leave_no_stale_nodes() {
    let mut schedule = Schedule::new();
    let keys: Vec<Key> = (0..100).map(|time| insert(&mut schedule, time)).collect();
    for round in 1..if cfg!(miri) { 20 } else { 1_000 } {
        let slot = schedule.slots().find(keys[round % 100]).unwrap();
        schedule.rearm(slot, steady(round as u64 * 7 % 300));
        let key = insert(&mut schedule, round as u64);
        schedule.remove(key);
        schedule.check();
    }
    assert_eq!((schedule.heaps.len(Base::Steady), schedule.slots().capacity()), (100, 128));
}

#[test]
fn a_slot_of_capacity_takes_at_most_64_bytes_besides_its_value() {
    // The data of the slot, a node, the slot before it, and what `Option` adds to the value.
    let [slot, node] = [size_of::<crate::timer_set::slots::Slot>(), size_of::<Node>()];
    // A node is smaller on some 32-bit systems.
    assert!(slot == 32 && node <= 16, "{slot} {node}");
    assert!(slot + node + size_of::<u32>() + size_of::<Option<u64>>() - size_of::<u64>() <= 64);
}

#[test]
fn postponing_an_entry_moves_no_node() {
    let mut schedule = Schedule::new();
    let keys: Vec<Key> = (0..9).map(|time| insert(&mut schedule, time)).collect();
    let position =
        |schedule: &Schedule<u64>, key| schedule.slots().slot(schedule.slots().find(key).unwrap()).place.index();
    let before: Vec<u32> = keys.iter().map(|&key| position(&schedule, key)).collect();
    for &key in &keys {
        let slot = schedule.slots().find(key).unwrap();
        schedule.rearm(slot, steady(50));
    }
    assert_eq!(keys.iter().map(|&key| position(&schedule, key)).collect::<Vec<u32>>(), before);
    assert_eq!(schedule.first_deadlines()[STEADY], 50);
}

#[test]
fn many_postponed_entries_are_moved_at_once() {
    let mut schedule = Schedule::new();
    let keys: Vec<Key> = (0..100).map(|time| insert(&mut schedule, time)).collect();
    for (index, &key) in keys.iter().enumerate() {
        let slot = schedule.slots().find(key).unwrap();
        schedule.rearm(slot, steady(200 + index as u64 * 7 % 100));
    }
    assert_eq!(schedule.first_deadlines()[STEADY], 200);
    schedule.check();
    schedule.begin_drain([300, 0]);
    let deadlines: Vec<u64> = std::iter::from_fn(|| schedule.next_due()).map(|due| due.deadline).collect();
    assert_eq!(deadlines, (200..300).collect::<Vec<u64>>());
}

#[test]
fn a_schedule_refuses_more_entries_than_a_position_can_number() {
    let mut schedule = Schedule::<()>::new();
    assert_eq!(schedule.grow(MAX_SLOTS + 1).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    assert_eq!(schedule.grow(usize::MAX).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    assert_eq!(schedule.slots().capacity(), 0);
}
