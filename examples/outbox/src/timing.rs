//! How long the outbox waits.

use std::time::Duration;

/// The durations of an [`Outbox`](crate::Outbox).
///
/// `Timing::default()` has the values in parentheses.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A request is transmitted when no message has been sent for this time (50 ms).
    pub quiet: Duration,
    /// A stream of messages postpones its request by at most this time (250 ms).
    pub max_delay: Duration,
    /// How long the peer may take to acknowledge the first transmission of a request (2 s).
    pub acknowledgement: Duration,
    /// How often a request is transmitted again (5).
    pub retries: u32,
    /// The time between two heartbeats (30 s).
    pub heartbeat: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            quiet: Duration::from_millis(50),
            max_delay: Duration::from_millis(250),
            acknowledgement: Duration::from_secs(2),
            retries: 5,
            heartbeat: Duration::from_secs(30),
        }
    }
}
