//! What is told of expirations that nobody awaited in time.

/// What to tell of the expirations of a periodic timer that nobody awaited in time; of one that expires once, it is always told.
///
/// The schedule is the timer's: it never drifts, whatever is told of it. Here each `x` is an expiration, somebody is busy until after the
/// fourth, and the numbers are the counts that he gets, and when:
///
/// ```text
///            |----x----x----x----x----x----x
/// busy            ##################
/// Count           1                3  1    1
/// Coalesce        1                1  1    1
/// Skip            1                   1    1
/// ```
///
/// Of tokio's policies for its own timers, `Burst` tells of each expiration as [`Count`](MissedTicks::Count) does, one by one; `Skip` does what
/// [`Coalesce`](MissedTicks::Coalesce) does; there is none that is always near to a time, as [`Skip`](MissedTicks::Skip) is here; and `Delay`, which gives up the
/// schedule, is what a timer does that is [armed](crate::Timer::arm_after) anew after each expiration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissedTicks {
    /// The count as it comes: how often the timer has expired since the last one. Nothing is lost.
    #[default]
    Count,
    /// At once, but as one expiration, however many they were: the count is always 1.
    Coalesce,
    /// Not at all: if one was missed, the next that is told of is the one that is still to come. So who is told is less than an interval late,
    /// and the count is always 1; one that comes together with a missed one is left out with it. A timer whose interval is shorter than it takes to be told of it is told of seldom, or never.
    Skip,
}

#[cfg(any(feature = "tokio", feature = "async-io"))]
impl MissedTicks {
    /// What is told where so many have expired, or an error is to be told of.
    pub(super) fn told(self, read: std::io::Result<u64>) -> Option<std::io::Result<u64>> {
        match (self, read) {
            (_, Err(e)) => Some(Err(e)),
            (MissedTicks::Count, Ok(count)) => Some(Ok(count)),
            (MissedTicks::Coalesce, Ok(_)) => Some(Ok(1)),
            (MissedTicks::Skip, Ok(count)) => (count == 1).then_some(Ok(1)),
        }
    }
}
