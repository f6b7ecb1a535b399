//! Descriptors in a `polling` loop, each taken out before it is closed.

use std::io;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;

use polling::{Event, PollMode, Poller};

/// A timer, or any source that has a descriptor, registered in a [`Poller`].
///
/// [`Poller::add`] is unsafe, since a source must be deleted from the poller before it is closed. This keeps that
/// promise: it owns the source, gives it out by shared reference only, and deletes it from the poller before it drops
/// it. A leaked one leaks the source. It works for a [`TimerFd`](crate::TimerFd), for a `Box<dyn Timer>`, for sockets, and
/// for an `Arc` of any of them.
///
/// In a forked child that shares the parent's loop, as `epoll`'s is shared, dropping it takes the source out of the parent's
/// loop too.
///
/// ```
/// use polling::{Event, PollMode, Poller};
/// use portable_timerfd::{Clock, Registered, Timer, TimerFd};
/// use std::{net::TcpListener, sync::Arc, time::Duration};
///
/// let poller = Arc::new(Poller::new()?);
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let listener = Registered::new(&poller, listener, Event::readable(0), PollMode::Oneshot)?;
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// let timer = Registered::new(&poller, timer, Event::readable(1), PollMode::Oneshot)?;
/// timer.arm_after(Duration::from_millis(5))?; // the source's methods are there
/// drop(listener); // out of the poller, and closed
/// let timer: TimerFd = timer.into_inner()?; // out of the poller, and yours again
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Registered<T: AsFd + 'static> {
    // Closed in `drop`, once the poller has let go of it.
    source: ManuallyDrop<T>,
    fd: RawFd,
    poller: Arc<Poller>,
}

impl<T: AsFd + 'static> Registered<T> {
    /// Registers `source` for the events that `interest` names, to be delivered with its key.
    ///
    /// With [`PollMode::Level`] the timer is reported as long as it is readable, as most users of a timerfd expect. With
    /// [`PollMode::Oneshot`] each event must be asked for anew by [`modify`](Registered::modify). With
    /// [`PollMode::Edge`] one event comes for one or more expirations; read the timer at each.
    ///
    /// # Platforms
    ///
    /// illumos and Solaris have `Oneshot` only; systems for which `polling` has nothing better than `poll(2)`, as Haiku, that and
    /// `Level`. The others have every mode.
    ///
    /// # Errors
    ///
    /// Those of [`Poller::add_with_mode`]: the descriptor is in the poller already
    /// ([`AlreadyExists`](io::ErrorKind::AlreadyExists)), or the poller lacks the mode
    /// ([`Unsupported`](io::ErrorKind::Unsupported)). The source is dropped then; give an `Arc` or a clone to keep it.
    pub fn new(poller: &Arc<Poller>, source: T, interest: Event, mode: PollMode) -> io::Result<Registered<T>> {
        let fd = source.as_fd().as_raw_fd();
        // SAFETY: the source is owned by the value made below and never given out to be closed. `deregister` deletes
        // this descriptor from the poller before the source is dropped or handed back; if it can't, the source is
        // never closed. A leaked value leaks the source with it: `T` is `'static`, so nobody else's borrow ends.
        unsafe { poller.add_with_mode(fd, interest, mode)? };
        Ok(Registered { source: ManuallyDrop::new(source), fd, poller: Arc::clone(poller) })
    }

    /// Changes the events asked for, or asks for the next one after one-shot delivery.
    ///
    /// # Errors
    ///
    /// Those of [`Poller::modify_with_mode`].
    pub fn modify(&self, interest: Event, mode: PollMode) -> io::Result<()> {
        self.poller.modify_with_mode(&*self.source, interest, mode)
    }

    /// Takes the source out of the poller and gives it back.
    ///
    /// # Errors
    ///
    /// Those of [`Poller::delete`]. The source is never closed then, since the poller still holds its descriptor.
    pub fn into_inner(self) -> io::Result<T> {
        let mut this = ManuallyDrop::new(self);
        let deregistered = this.deregister();
        // SAFETY: `this` is never dropped and not used for its poller again, nor is this place read again.
        drop(unsafe { std::ptr::read(&this.poller) });
        deregistered?;
        // SAFETY: `this` is never dropped, so nobody takes the source a second time.
        Ok(unsafe { ManuallyDrop::take(&mut this.source) })
    }

    /// Deletes the descriptor from the poller, in which case it may be closed.
    fn deregister(&self) -> io::Result<()> {
        let source = self.source.as_fd();
        if source.as_raw_fd() != self.fd {
            // A source that shows another descriptor than before: the one registered can't be named any more.
            return Err(io::ErrorKind::NotFound.into());
        }
        match self.poller.delete(source) {
            // Somebody deleted it by hand.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

impl<T: AsFd + 'static> Drop for Registered<T> {
    fn drop(&mut self) {
        if self.deregister().is_ok() {
            // SAFETY: the source is not used after this, its owner being dropped.
            unsafe { ManuallyDrop::drop(&mut self.source) };
        }
    }
}

impl<T: AsFd + 'static> Deref for Registered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.source
    }
}
