//! Descriptors in a [`polling`] loop that are deleted from the loop before they are closed.

use std::error::Error;
use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;

use polling::{Event, PollMode, Poller};

use crate::pollable::Pollable;

/// A timer, or any other source with a descriptor, that is registered in a [`Poller`].
///
/// [`Poller::add`] is unsafe, because a source must be deleted from the poller before it is closed.
/// `Registered` guarantees this order: it owns the source, and deletes the source from the poller
/// before it drops the source. If a `Registered` is leaked, its source is leaked too.
///
/// The source can be a [`TimerFd`](crate::TimerFd), a socket, or an `Arc` of either.
/// [`new_pollable`](Registered::new_pollable) accepts any [`Timer`](crate::Timer), for example a
/// `Box<dyn Timer>`, and your own type that contains a timer. `Registered` lends the source by
/// shared reference only. If the methods of the source need `&mut self`, put a `Mutex` or `RefCell`
/// around its state, or use a `PollingSource` of [`loops`](crate::loops).
///
/// A forked child shares its parent's `epoll` instance. If the child drops a `Registered`, the
/// source is also deleted from the parent's poller. A child does not inherit a kqueue. If the child
/// drops a `Registered` whose poller is a kqueue, the parent's poller keeps the source, and the
/// source is leaked in the child.
///
/// ```
/// use portable_timerfd::polling::{Event, PollMode, Poller};
/// use portable_timerfd::{Clock, Registered, TimerFd};
/// use std::{net::TcpListener, sync::Arc, time::Duration};
///
/// let poller = Arc::new(Poller::new()?);
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let listener = Registered::new(&poller, listener, Event::readable(0), PollMode::Oneshot)?;
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// let timer = Registered::new(&poller, timer, Event::readable(1), PollMode::Oneshot)?;
/// timer.arm_after(Duration::from_millis(5))?; // `Registered` dereferences to the source
/// drop(listener); // deleted from the poller, and closed
/// let timer: TimerFd = timer.into_inner()?; // deleted from the poller, and returned
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Registered<T: 'static> {
    // Dropped by `drop`, after it was deleted from the poller.
    source: ManuallyDrop<T>,
    handle: fn(&T) -> BorrowedFd<'_>,
    fd: RawFd,
    /// The `mode_number` of the registered mode.
    mode: AtomicU8,
    poller: Arc<Poller>,
}

impl<T: 'static> Registered<T> {
    /// Registers `source` for the events of `interest`.
    ///
    /// The poller delivers these events with the key of `interest`. The modes are:
    ///
    /// - [`PollMode::Level`]: the timer is reported while it is readable. Most users of a timerfd
    ///   expect this mode.
    /// - [`PollMode::Oneshot`]: one event is reported. Call [`modify`](Registered::modify) to
    ///   receive the next one. After an event, [`read`](crate::Timer::read) can fail with
    ///   [`WouldBlock`](io::ErrorKind::WouldBlock), as the next section describes. Then call
    ///   `modify` and continue.
    /// - [`PollMode::Edge`]: one event is reported for one or more expirations. Read the timer
    ///   after each event.
    ///
    /// # Platforms
    ///
    /// Every platform supports `Oneshot`. illumos and Solaris support only `Oneshot`. Platforms
    /// where `polling` uses `poll(2)`, such as Haiku, support `Oneshot` and `Level`. All other
    /// platforms support every mode.
    ///
    /// If an expired timer is read, disarmed or set to a later time before the program waits, there
    /// is no event on most platforms. On FreeBSD, NetBSD, OpenBSD, illumos and Solaris, a one-shot
    /// mode reports the timer nevertheless, because the kernel does not check a queued event again.
    /// `docs/pollers.md` in the source compares the pollers.
    ///
    /// # Errors
    ///
    /// Those of [`Poller::add_with_mode`]:
    ///
    /// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): the descriptor is already in the poller.
    ///   illumos and Solaris do not report this error. There, the new registration replaces the old
    ///   one.
    /// - [`Unsupported`](io::ErrorKind::Unsupported): the poller does not support the mode.
    ///
    /// After an error, the source is dropped. To keep it, pass an `Arc` or a clone.
    pub fn new(poller: &Arc<Poller>, source: T, interest: Event, mode: PollMode) -> io::Result<Registered<T>>
    where
        T: AsFd,
    {
        Registered::with_handle(poller, source, T::as_fd, interest, mode)
    }

    /// Registers a timer of any kind, or your own type that contains a timer.
    ///
    /// The rest is as for [`new`](Registered::new).
    ///
    /// # Errors
    ///
    /// Those of [`new`](Registered::new).
    pub fn new_pollable(poller: &Arc<Poller>, source: T, interest: Event, mode: PollMode) -> io::Result<Registered<T>>
    where
        T: Pollable,
    {
        Registered::with_handle(poller, source, T::as_pollable, interest, mode)
    }

    fn with_handle(
        poller: &Arc<Poller>,
        source: T,
        handle: fn(&T) -> BorrowedFd<'_>,
        interest: Event,
        mode: PollMode,
    ) -> io::Result<Registered<T>> {
        let fd = handle(&source).as_raw_fd();
        // SAFETY: the new `Registered` owns the source, and no other code can close it.
        // `deregister` deletes this descriptor from the poller before the source is dropped or
        // returned. If the deletion fails, the source is never closed. If the `Registered` is
        // leaked, the source is leaked too: `T` is `'static`, so it contains no borrow that could
        // end.
        unsafe { poller.add_with_mode(fd, interest, mode)? };
        let (source, mode) = (ManuallyDrop::new(source), AtomicU8::new(mode_number(mode)));
        Ok(Registered { source, handle, fd, mode, poller: Arc::clone(poller) })
    }

    /// Changes the interest or the mode, or requests the next event in one-shot mode.
    ///
    /// # Errors
    ///
    /// Those of [`Poller::modify_with_mode`]. If a change of the mode fails, the poller may report
    /// no events until a later call succeeds. Two threads must not change the mode at the same
    /// time, because the poller can then keep the mode of either.
    pub fn modify(&self, interest: Event, mode: PollMode) -> io::Result<()> {
        let source = (self.handle)(&self.source);
        let is_new_mode = self.mode.load(Ordering::Relaxed) != mode_number(mode);
        // kqueue keeps the mode of a registration that exists. So remove the registration first.
        // Other pollers do not need this. Those without an edge-triggered mode could refuse `mode`
        // after the interest was removed.
        if is_new_mode && self.poller.supports_edge() {
            self.poller.modify_with_mode(source, Event::none(interest.key), mode)?;
        }
        self.poller.modify_with_mode(source, interest, mode)?;
        self.mode.store(mode_number(mode), Ordering::Relaxed);
        Ok(())
    }

    /// Deletes the source from the poller, and returns it.
    ///
    /// # Errors
    ///
    /// - [`NotFound`](io::ErrorKind::NotFound): the source now returns another descriptor. If the
    ///   program has already deleted the descriptor from the poller, this is not an error.
    /// - Otherwise those of [`Poller::delete`].
    ///
    /// After an error, the descriptor is still in the poller. So the error gives the `Registered`
    /// back: [`IntoInnerError::into_registered`]. The error converts into an [`io::Error`], so `?`
    /// works in a function that returns [`io::Result`]. This conversion drops the `Registered`. If
    /// the descriptor still cannot be deleted then, the source is never closed.
    pub fn into_inner(self) -> Result<T, IntoInnerError<T>> {
        if let Err(error) = self.deregister() {
            return Err(IntoInnerError { error, registered: self });
        }
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, and its `poller` is not used or read again.
        drop(unsafe { std::ptr::read(&this.poller) });
        // SAFETY: `this` is never dropped, so the source is not taken a second time.
        Ok(unsafe { ManuallyDrop::take(&mut this.source) })
    }

    /// Deletes the descriptor from the poller. If this succeeds, the descriptor may be closed.
    fn deregister(&self) -> io::Result<()> {
        let source = (self.handle)(&self.source);
        if source.as_raw_fd() != self.fd {
            // The source now returns a different descriptor, so the registered one cannot be
            // deleted.
            return Err(io::ErrorKind::NotFound.into());
        }
        match self.poller.delete(source) {
            // The program has already deleted the descriptor through the poller.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

/// Returns the number of a mode, which fits into an atomic.
fn mode_number(mode: PollMode) -> u8 {
    match mode {
        PollMode::Level => 0,
        PollMode::Edge => 1,
        PollMode::Oneshot => 2,
        PollMode::EdgeOneshot => 3,
        _ => 4,
    }
}

/// The error of [`Registered::into_inner`]: the reason, and the source, which is still registered.
#[derive(Debug)]
pub struct IntoInnerError<T: 'static> {
    error: io::Error,
    registered: Registered<T>,
}

impl<T: 'static> IntoInnerError<T> {
    /// Returns the reason.
    #[must_use]
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// Returns the source, which is still registered in the poller.
    #[must_use]
    pub fn into_registered(self) -> Registered<T> {
        self.registered
    }
}

impl<T: 'static> fmt::Display for IntoInnerError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the descriptor cannot be deleted from the poller")
    }
}

impl<T: fmt::Debug + 'static> Error for IntoInnerError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl<T: 'static> From<IntoInnerError<T>> for io::Error {
    fn from(error: IntoInnerError<T>) -> io::Error {
        error.error
    }
}

impl<T: 'static> Drop for Registered<T> {
    fn drop(&mut self) {
        if self.deregister().is_ok() {
            // SAFETY: the source is not used after this, because its owner is dropped.
            unsafe { ManuallyDrop::drop(&mut self.source) };
        }
    }
}

impl<T: 'static> Deref for Registered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.source
    }
}
