//! The policy for expirations that were missed between two awaits.

/// The policy for expirations of a periodic timer that were missed between two awaits.
///
/// Expirations are missed if a task is busy while the timer expires more than once. An expiration
/// of a one-shot timer is always reported.
///
/// The policy does not change the timer's schedule, which never drifts. In this example each `x` is
/// an expiration, and the task is busy until after the fourth one. The numbers are the counts that
/// the task receives, at the time when it receives them:
///
/// ```text
///            |----x----x----x----x----x----x
/// busy            ##################
/// Count           1                3  1    1
/// Coalesce        1                1  1    1
/// Skip            1                   1    1
/// ```
///
/// tokio's `MissedTickBehavior`, the policy of tokio's own timers, compares as follows:
///
/// - tokio's `Burst` reports each missed expiration by itself, where [`Count`](MissedTicks::Count)
///   reports their number.
/// - tokio's `Skip` behaves like [`Coalesce`](MissedTicks::Coalesce).
/// - tokio's `Delay` abandons the schedule. To get that behaviour,
///   [re-arm](crate::Timer::arm_after) the timer after each expiration.
/// - [`Skip`](MissedTicks::Skip) has no equivalent in tokio. With it, every report comes close to a
///   scheduled time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissedTicks {
    /// Reports the full count: the number of expirations since the last report.
    #[default]
    Count,
    /// Reports the missed expirations as one, immediately. The count is always 1.
    Coalesce,
    /// Reports no missed expirations. The next report is the next scheduled expiration.
    ///
    /// The count is always 1, and a report is always less than one interval late. If one read
    /// returns a missed expiration and the latest one together, the latest one is skipped too. So
    /// if the interval is shorter than the time that a report takes, expirations are reported
    /// rarely or never.
    Skip,
}

#[cfg(any(feature = "tokio", feature = "async-io"))]
impl MissedTicks {
    /// Returns the report for the result of a read, or `None` if there is nothing to report.
    pub(super) fn report(self, read: std::io::Result<u64>) -> Option<std::io::Result<u64>> {
        match (self, read) {
            (_, Err(e)) => Some(Err(e)),
            (MissedTicks::Count, Ok(count)) => Some(Ok(count)),
            (MissedTicks::Coalesce, Ok(_)) => Some(Ok(1)),
            (MissedTicks::Skip, Ok(count)) => (count == 1).then_some(Ok(1)),
        }
    }
}
