//! Detects forks, and provides values that a forked child does not inherit.
//!
//! A handler of `pthread_atfork` counts forks. Where such a handler can block the next fork, a page
//! takes its place that is zero in each new child.

use std::io;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::error::os_error;
use super::system::{WipeOnFork, SYSTEM};
use super::wiped_page;

/// The number of forks since the first ancestor process that counted forks.
static GENERATION: AtomicUsize = AtomicUsize::new(0);
static COUNTS_FORKS: AtomicBool = AtomicBool::new(false);

/// The generation of this process, which is zero in a new child. Null if a handler counts forks.
static WIPED: AtomicPtr<AtomicUsize> = AtomicPtr::new(null_mut());

/// Returns a number that differs between a forked child and its parent.
///
/// Forks are counted after the first [`PerProcess`] value was created.
#[inline]
pub(crate) fn generation() -> usize {
    if SYSTEM.wipe_on_fork.is_some() {
        // SAFETY: the pointer is null or refers to a page that is never unmapped.
        if let Some(wiped) = unsafe { WIPED.load(Ordering::Acquire).as_ref() } {
            return match wiped.load(Ordering::Acquire) {
                0 => begin_generation(wiped),
                generation => generation,
            };
        }
    }
    GENERATION.load(Ordering::Relaxed)
}

/// Whether the child's handler runs before any other code of the child. Otherwise it runs at the
/// first call of [`generation`] in the child.
pub(super) fn handler_runs_at_the_fork() -> bool {
    WIPED.load(Ordering::Acquire).is_null()
}

/// Counts the fork that has created this process, on the first call in this process.
#[cold]
fn begin_generation(wiped: &AtomicUsize) -> usize {
    let next = next_generation();
    match wiped.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            run_child_handler();
            next
        }
        Err(of_another_thread) => of_another_thread,
    }
}

/// Returns a number that no ancestor of this process has used. It is never 0.
fn next_generation() -> usize {
    GENERATION.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

/// The function that a forked child runs after it has counted the fork, or null.
static CHILD_HANDLER: AtomicPtr<()> = AtomicPtr::new(null_mut());

fn run_child_handler() {
    let handler = CHILD_HANDLER.load(Ordering::Acquire);
    if !handler.is_null() {
        // SAFETY: only `set_child_handler` changes the pointer, to a function of this type.
        let handler = unsafe { std::mem::transmute::<*mut (), fn()>(handler) };
        handler();
    }
}

extern "C" fn count_fork() {
    next_generation();
    run_child_handler();
}

/// Runs `handler` in each forked child, after the first [`PerProcess`] value was created.
///
/// The handler must not take locks, because another thread may have held them at the fork. There is
/// only one handler. Each call replaces it.
///
/// # Platforms
///
/// On OpenBSD, the child runs the handler when it first calls [`generation`], while other threads
/// of the child may run.
pub(crate) fn set_child_handler(handler: fn()) {
    CHILD_HANDLER.store(handler as *mut (), Ordering::Release);
}

/// Starts to count forks.
fn count_forks() -> io::Result<()> {
    if COUNTS_FORKS.load(Ordering::Acquire) {
        return Ok(());
    }
    super::pinned_object::pin();
    let is_counted = SYSTEM.wipe_on_fork.is_some_and(|wipe| count_on_a_page(wipe).is_ok());
    if !is_counted {
        count_in_a_handler()?;
    }
    COUNTS_FORKS.store(true, Ordering::Release);
    Ok(())
}

fn count_on_a_page(wipe: WipeOnFork) -> io::Result<()> {
    let wiped = wiped_page::map(wipe)?;
    wiped.store(next_generation(), Ordering::Release);
    let wiped = (wiped as *const AtomicUsize).cast_mut();
    // If another thread was faster, this page stays unused.
    let _ = WIPED.compare_exchange(null_mut(), wiped, Ordering::AcqRel, Ordering::Acquire);
    Ok(())
}

fn count_in_a_handler() -> io::Result<()> {
    // No handler runs in the parent, so a fork never waits for a timer call, and a timer call never
    // waits for a fork.
    // SAFETY: the child's handler only changes atomics, which a child may do at any time, and runs
    // the function of `set_child_handler`, which takes no locks. If two threads make this call at
    // once, the handler is registered twice. Then each fork counts twice, so `generation` still
    // changes.
    match unsafe { libc::pthread_atfork(None, None, Some(count_fork)) } {
        0 => Ok(()),
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

struct Made<T: 'static> {
    generation: usize,
    value: T,
    /// What the parent has made.
    inherited: Option<&'static Made<T>>,
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
            inherited => Ok(self.replace(found, Made { generation, value: make(), inherited })),
        }
    }

    /// Returns the value of the parent or of another ancestor process.
    pub(crate) fn inherited(&'static self) -> Option<&'static T> {
        let generation = generation();
        // SAFETY: the pointer is null or comes from a box that is never freed.
        let last = unsafe { self.made.load(Ordering::Acquire).as_ref() };
        let mut made = std::iter::successors(last, |made| made.inherited);
        made.find(|made| made.generation != generation).map(|made| &made.value)
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::{waitpid, WaitStatus};
    use nix::unistd::{fork, ForkResult};

    /// Runs checks in a forked child, which prints nothing. Returns whether they passed.
    fn passes_in_a_child(checks: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child has one thread and waits for no lock of another thread. It only
        // allocates, which the C libraries allow after a fork, and makes system calls.
        match unsafe { fork() }.unwrap() {
            // SAFETY: this call ends the child without running the parent's exit handlers.
            ForkResult::Child => unsafe { libc::_exit(i32::from(!checks())) },
            ForkResult::Parent { child } => waitpid(child, None).unwrap() == WaitStatus::Exited(child, 0),
        }
    }

    #[test]
    fn a_child_makes_its_own_value_and_knows_that_of_its_parent() {
        static VALUE: PerProcess<u32> = PerProcess::new();
        let value_or = |new| *VALUE.get_or_make(|| new).unwrap();
        assert_eq!(value_or(1), 1);
        assert_eq!((value_or(2), VALUE.inherited()), (1, None));
        let of_parent = generation();
        assert!(passes_in_a_child(|| {
            let is_new = generation() != of_parent && VALUE.inherited() == Some(&1) && value_or(3) == 3;
            let of_child = generation();
            let is_newer_in_its_child = || ![of_parent, of_child].contains(&generation()) && value_or(4) == 4;
            is_new && VALUE.inherited() == Some(&1) && value_or(5) == 3 && passes_in_a_child(is_newer_in_its_child)
        }));
        assert_eq!((generation(), value_or(6)), (of_parent, 1));
    }

    /// Checks nothing on platforms where a handler counts forks. `ci/other-unix` runs it on Linux.
    #[test]
    fn a_wiped_page_is_zero_in_each_child() {
        let Some(wipe) = SYSTEM.wipe_on_fork else { return };
        let wiped = wiped_page::map(wipe).unwrap();
        assert_eq!(wiped.swap(7, Ordering::Relaxed), 0);
        let is_zero = || wiped.swap(8, Ordering::Relaxed) == 0;
        assert!(passes_in_a_child(|| is_zero() && passes_in_a_child(is_zero)));
        assert_eq!(wiped.load(Ordering::Relaxed), 7);
    }

    #[test]
    fn a_page_that_cannot_be_wiped_is_an_error() {
        let refuse: WipeOnFork = |_, _| {
            // SAFETY: closing no descriptor only fails.
            unsafe { libc::close(-1) }
        };
        assert_eq!(wiped_page::map(refuse).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
