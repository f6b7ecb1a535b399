//! Your own type, or a set of timers, in a `polling` loop.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ::polling::{Event, PollMode, Poller};

use super::owned_source::owned_source;
use crate::backends::sys::registered::Registered;
use crate::pollable::Pollable;

/// Your own type that contains a timer, or a [`TimerSet`](crate::TimerSet), in a [`Poller`].
///
/// The methods of a set need an exclusive reference. [`Registered`] lends its source by shared
/// reference only. A `PollingSource` also lends it by exclusive reference.
///
/// ```
/// use portable_timerfd::loops::polling::PollingSource;
/// use portable_timerfd::polling::{Event, Events, PollMode, Poller};
/// use portable_timerfd::{Clock, TimerSet};
/// use std::{sync::Arc, time::Duration};
///
/// const TIMEOUTS: usize = 7;
/// let poller = Arc::new(Poller::new()?);
/// let set = TimerSet::new(Clock::Monotonic)?;
/// let mut timeouts = PollingSource::new(&poller, set, Event::readable(TIMEOUTS), PollMode::Oneshot)?;
/// timeouts.get_mut().insert_after(Duration::from_millis(5), "a client")?;
///
/// let mut events = Events::new();
/// poller.wait(&mut events, None)?;
/// assert_eq!(events.iter().next().map(|event| event.key), Some(TIMEOUTS));
/// while let Some(expired) = timeouts.get_mut().next_expired()? {
///     assert_eq!(expired.value, Some("a client"));
/// }
/// timeouts.modify(Event::readable(TIMEOUTS), PollMode::Oneshot)?; // for the next event
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The source registers a duplicate of the descriptor, so it uses one more descriptor than the type
/// itself. It does not change the mode of the descriptor. When it is dropped, it deletes the
/// duplicate from the poller.
#[derive(Debug)]
pub struct PollingSource<P> {
    source: P,
    handle: Registered<OwnedFd>,
}

impl<P: Pollable> PollingSource<P> {
    /// Registers the handle of `source` for the events of `interest`.
    ///
    /// The poller delivers these events with the key of `interest`. [`Registered::new`] describes
    /// the modes.
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](io::ErrorKind::Unsupported): the poller does not support the mode.
    /// - `EMFILE`: no descriptor is left for the duplicate.
    /// - Another error of `Poller::add_with_mode`: the descriptor cannot be registered, for example
    ///   because it is a file.
    ///
    /// After an error, the source is dropped.
    pub fn new(poller: &Arc<Poller>, source: P, interest: Event, mode: PollMode) -> io::Result<PollingSource<P>> {
        let handle = source.as_pollable().try_clone_to_owned()?;
        Ok(PollingSource { source, handle: Registered::new(poller, handle, interest, mode)? })
    }
}

impl<P> PollingSource<P> {
    /// Changes the interest or the mode, or requests the next event in one-shot mode.
    ///
    /// # Errors
    ///
    /// Those of [`Registered::modify`].
    pub fn modify(&self, interest: Event, mode: PollMode) -> io::Result<()> {
        self.handle.modify(interest, mode)
    }
}

owned_source!(PollingSource);
