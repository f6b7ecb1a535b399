//! The open timers of simulated clocks, by descriptor.
//!
//! The functions of timerfd get a descriptor. They find its simulated timer here.

use descriptors::Itimerspec;
use libc::c_int;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use timers::bindings::{Itimerspec as Wide, SettimeFlags};
use timers::SimulatedTimer;

type Timers = BTreeMap<c_int, Arc<SimulatedTimer>>;

static OPEN: Mutex<Timers> = Mutex::new(BTreeMap::new());
/// The number of open timers. If it is zero, `find` takes no lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// No Python code runs under the lock, so a thread never holds it for long.
fn open() -> MutexGuard<'static, Timers> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a timer and returns its descriptor.
pub(crate) fn add(timer: SimulatedTimer) -> c_int {
    let fd = timer.as_raw_fd();
    let mut timers = open();
    // If the program has closed a descriptor itself, its number may be in use again. The replaced
    // timer must not close the number a second time. It is leaked.
    std::mem::forget(timers.insert(fd, Arc::new(timer)));
    COUNT.store(timers.len(), Ordering::Release);
    fd
}

/// Returns the timer of a descriptor.
pub(crate) fn find(fd: c_int) -> Option<Arc<SimulatedTimer>> {
    if COUNT.load(Ordering::Acquire) == 0 {
        return None;
    }
    open().get(&fd).map(Arc::clone)
}

/// Ends a timer and closes its descriptor.
pub(crate) fn close(fd: c_int) {
    let mut timers = open();
    let closed = timers.remove(&fd);
    COUNT.store(timers.len(), Ordering::Release);
    drop(timers);
    drop(closed);
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
