//! Detects forks, and provides values that a forked child does not inherit.

use std::io;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::error::os_error;

/// The number of forks since the first ancestor process that counted forks.
static GENERATION: AtomicUsize = AtomicUsize::new(0);
static COUNTS_FORKS: AtomicBool = AtomicBool::new(false);

/// Returns a number that differs between a forked child and its parent.
///
/// Forks are counted after the first [`PerProcess`] value was created.
#[inline]
pub(crate) fn generation() -> usize {
    GENERATION.load(Ordering::Relaxed)
}

/// The function that a forked child runs after it has counted the fork, or null.
static CHILD_HANDLER: AtomicPtr<()> = AtomicPtr::new(null_mut());

extern "C" fn count_fork() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    let handler = CHILD_HANDLER.load(Ordering::Acquire);
    if !handler.is_null() {
        // SAFETY: only `set_child_handler` changes the pointer, to a function of this type.
        let handler = unsafe { std::mem::transmute::<*mut (), fn()>(handler) };
        handler();
    }
}

/// Runs `handler` in each forked child, after the first [`PerProcess`] value was created.
///
/// The handler must not take locks, because another thread may have held them at the fork. There is
/// only one handler. Each call replaces it.
pub(crate) fn set_child_handler(handler: fn()) {
    CHILD_HANDLER.store(handler as *mut (), Ordering::Release);
}

/// Starts to count forks.
fn count_forks() -> io::Result<()> {
    if COUNTS_FORKS.load(Ordering::Acquire) {
        return Ok(());
    }
    super::pinned_object::pin();
    // No handler runs in the parent, so a fork never waits for a timer call, and a timer call never
    // waits for a fork.
    // SAFETY: the child's handler only changes atomics, which a child may do at any time, and runs
    // the function of `set_child_handler`, which takes no locks. If two threads make this call at
    // once, the handler is registered twice. Then each fork counts twice, so `generation` still
    // changes.
    match unsafe { libc::pthread_atfork(None, None, Some(count_fork)) } {
        0 => {
            COUNTS_FORKS.store(true, Ordering::Release);
            Ok(())
        }
        errno => Err(os_error(errno)),
    }
}

/// A value that each process creates on first use and never drops.
///
/// A forked child creates its own value. It never uses the parent's value, whose locks may have
/// been held at the fork. For the same reason, this type uses no lock.
pub(crate) struct PerProcess<T: 'static> {
    made: AtomicPtr<Made<T>>,
    owns: PhantomData<&'static T>,
}

struct Made<T> {
    generation: usize,
    value: T,
}

impl<T: Send + Sync> PerProcess<T> {
    pub(crate) const fn new() -> PerProcess<T> {
        PerProcess { made: AtomicPtr::new(null_mut()), owns: PhantomData }
    }

    /// Returns the value of this process. Creates it with `make` on first use.
    pub(crate) fn get_or_make(&'static self, make: impl FnOnce() -> T) -> io::Result<&'static T> {
        count_forks()?;
        let generation = generation();
        let found = self.made.load(Ordering::Acquire);
        // SAFETY: the pointer is null or comes from a box that is never freed.
        match unsafe { found.as_ref() } {
            Some(made) if made.generation == generation => Ok(&made.value),
            _ => Ok(self.replace(found, Made { generation, value: make() })),
        }
    }

    /// Returns the value of the parent or of another ancestor process, unless this process has
    /// created its own value.
    pub(crate) fn inherited(&'static self) -> Option<&'static T> {
        // SAFETY: the pointer is null or comes from a box that is never freed.
        let made = unsafe { self.made.load(Ordering::Acquire).as_ref()? };
        (made.generation != generation()).then_some(&made.value)
    }

    /// Replaces `found` by `made`, unless another thread was faster. Returns the value that is
    /// stored.
    fn replace(&'static self, found: *mut Made<T>, made: Made<T>) -> &'static T {
        let new = Box::into_raw(Box::new(made));
        match self.made.compare_exchange(found, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: `new` comes from a box that is never freed once it is stored.
            Ok(_) => unsafe { &(*new).value },
            Err(stored) => {
                // SAFETY: no other thread has seen `new`. `stored` comes from a box that is never
                // freed. It is not null, because the pointer only ever changes to such a box.
                unsafe {
                    drop(Box::from_raw(new));
                    &(*stored).value
                }
            }
        }
    }
}
