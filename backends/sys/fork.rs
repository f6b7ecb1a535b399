//! Telling a forked child from its parent, and values that a child does not inherit.

use std::io;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::error::os_error;

/// Counts the forks on the way to this process.
static GENERATION: AtomicUsize = AtomicUsize::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);

/// A number that changes in a forked child, once a [`PerProcess`] value has been made.
#[inline]
pub(crate) fn generation() -> usize {
    GENERATION.load(Ordering::Relaxed)
}

/// What a child runs after it has counted the fork: a `fn()`, or null.
static IN_CHILD: AtomicPtr<()> = AtomicPtr::new(null_mut());

extern "C" fn count_fork() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    let errand = IN_CHILD.load(Ordering::Acquire);
    if !errand.is_null() {
        // SAFETY: only `in_child` changes it, to a function of this type.
        let errand = unsafe { std::mem::transmute::<*mut (), fn()>(errand) };
        errand();
    }
}

/// Runs `errand` in each forked child, once a [`PerProcess`] value has been made. The errand must
/// not take locks, which another thread may have held at the fork. There is one errand: the last
/// call replaces it.
pub(crate) fn in_child(errand: fn()) {
    IN_CHILD.store(errand as *mut (), Ordering::Release);
}

/// From now on, forks are counted.
fn watch() -> io::Result<()> {
    if WATCHED.load(Ordering::Acquire) {
        return Ok(());
    }
    super::pinned_object::pin();
    // The parent has no handlers, so no fork waits for a timer call and no timer call waits for a
    // fork.
    // SAFETY: the child's handler changes atomics only, which a child may do at any time, and runs
    // an errand that is made for it. Two threads that call this at once register the handler twice,
    // so that a fork counts as two: still another number.
    match unsafe { libc::pthread_atfork(None, None, Some(count_fork)) } {
        0 => {
            WATCHED.store(true, Ordering::Release);
            Ok(())
        }
        errno => Err(os_error(errno)),
    }
}

/// One value for the process, made when it is first asked for and kept for ever; a forked child
/// makes its own.
///
/// The child never touches the parent's value, whose locks may have been held at the fork. No lock
/// is used here, for the same reason.
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

    /// The value of this process, made by `make` if there is none yet.
    pub(crate) fn get_or_make(&'static self, make: impl FnOnce() -> T) -> io::Result<&'static T> {
        watch()?;
        let generation = generation();
        let found = self.made.load(Ordering::Acquire);
        // SAFETY: the pointer is null or comes from `Box::leak` below, and is never freed.
        match unsafe { found.as_ref() } {
            Some(made) if made.generation == generation => Ok(&made.value),
            _ => Ok(self.put(found, Made { generation, value: make() })),
        }
    }

    /// The value that another process on the way to this one has made, if this one has not made its
    /// own.
    pub(crate) fn inherited(&'static self) -> Option<&'static T> {
        // SAFETY: as in `get_or_make`.
        let made = unsafe { self.made.load(Ordering::Acquire).as_ref()? };
        (made.generation != generation()).then_some(&made.value)
    }

    /// Puts `made` in the place of `found`, unless another thread was faster.
    fn put(&'static self, found: *mut Made<T>, made: Made<T>) -> &'static T {
        let ours = Box::into_raw(Box::new(made));
        match self.made.compare_exchange(found, ours, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: `ours` comes from a box that is now never freed.
            Ok(_) => unsafe { &(*ours).value },
            Err(theirs) => {
                // SAFETY: nobody else has seen `ours`; `theirs` comes from a box that is never
                // freed, and can't be null, since the pointer only ever changes to such a box.
                unsafe {
                    drop(Box::from_raw(ours));
                    &(*theirs).value
                }
            }
        }
    }
}
