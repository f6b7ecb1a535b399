//! The open timers of simulated clocks, by descriptor.
//!
//! The functions of timerfd get a descriptor. They find its simulated timer here, by the identity
//! of the file: the program may have closed the descriptor itself, and another file may have its
//! number.

use descriptors::Itimerspec;
use libc::c_int;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use timers::bindings::{file_identity, Itimerspec as Wide, SettimeFlags};
use timers::SimulatedTimer;

/// The device and the inode number of a descriptor's file.
pub(crate) type Identity = (u64, u64);

type Timers = BTreeMap<Identity, Arc<SimulatedTimer>>;

static OPEN: Mutex<Timers> = Mutex::new(BTreeMap::new());
/// The number of open timers. If it is zero, `find` takes no lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// No Python code runs under the lock, so a thread never holds it for long.
fn open() -> MutexGuard<'static, Timers> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a timer. Returns its descriptor, and the identity that `close` needs.
pub(crate) fn add(timer: SimulatedTimer) -> io::Result<(RawFd, Identity)> {
    let fd = timer.as_raw_fd();
    let identity = file_identity(fd)?;
    let mut timers = open();
    // A system may use the identity of a closed file again. See `close`.
    std::mem::forget(timers.insert(identity, Arc::new(timer)));
    COUNT.store(timers.len(), Ordering::Release);
    Ok((fd, identity))
}

/// Returns the timer of a descriptor.
pub(crate) fn find(fd: c_int) -> Option<Arc<SimulatedTimer>> {
    if COUNT.load(Ordering::Acquire) == 0 {
        return None;
    }
    let identity = file_identity(fd).ok()?;
    open().get(&identity).map(Arc::clone)
}

/// Ends a timer and closes its descriptor.
pub(crate) fn close(identity: Identity) {
    let mut timers = open();
    let closed = timers.remove(&identity);
    COUNT.store(timers.len(), Ordering::Release);
    drop(timers);
    // If the program has closed the descriptor itself, the number may belong to another file, which
    // must stay open. So the timer is leaked.
    let is_own = |timer: &Arc<SimulatedTimer>| file_identity(timer.as_raw_fd()).is_ok_and(|now| now == identity);
    match closed {
        Some(timer) if !is_own(&timer) => std::mem::forget(timer),
        closed => drop(closed),
    }
}

/// `timerfd_settime(2)` on a simulated timer.
pub(crate) fn settime(timer: &SimulatedTimer, flags: c_int, new: &Itimerspec) -> io::Result<Itimerspec> {
    let flags = SettimeFlags::from_bits(flags as u32)?;
    let old = timer.replace(&new.widen().to_spec(timer.clock(), flags)?)?;
    narrow(&Wide::from_spec(&old).1)
}

/// `timerfd_gettime(2)` on a simulated timer.
pub(crate) fn gettime(timer: &SimulatedTimer) -> io::Result<Itimerspec> {
    narrow(&Wide::from_spec(&timer.get()?).1)
}

fn narrow(wide: &Wide) -> io::Result<Itimerspec> {
    Itimerspec::new(wide).ok_or_else(|| io::Error::from_raw_os_error(libc::EOVERFLOW))
}
