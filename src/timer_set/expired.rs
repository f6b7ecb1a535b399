//! The result of a set for an entry that has expired.

use super::slots::Key;
use crate::clock_time::ClockTime;

/// An entry that has expired; see [`TimerSet::next_expired`](super::TimerSet::next_expired).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expired<T> {
    /// The key of the entry. If the entry is not periodic, it is no longer in the set.
    pub key: Key,
    /// The time when the entry was due. For a periodic entry, the time of the first expiration in
    /// `count`.
    pub deadline: ClockTime,
    /// The number of expirations, at least 1. It is 1 if the entry is not periodic.
    pub count: u64,
    /// The value of an entry that expires once. For a periodic entry, `None`: the set keeps its
    /// value, and [`TimerSet::get`](super::TimerSet::get) returns it.
    pub value: Option<T>,
}
