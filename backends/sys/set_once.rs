//! A value that is set once, without a lock.

use std::io;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::error::{os_error, EBUSY};

/// A value that is set once, and then kept for the life of the process, unless its owner replaces
/// it.
///
/// A forked child has the parent's value. `std::sync::OnceLock` is not used, because it has a lock
/// that another thread of the parent may hold at the fork.
pub(crate) struct SetOnce<T: 'static> {
    value: AtomicPtr<T>,
    owns: PhantomData<&'static T>,
}

impl<T: Send + Sync> SetOnce<T> {
    pub(crate) const fn new() -> SetOnce<T> {
        SetOnce { value: AtomicPtr::new(null_mut()), owns: PhantomData }
    }

    /// Sets the value. If it was already set, drops `value` and returns `false`.
    pub(crate) fn set(&self, value: T) -> bool {
        let new = Box::into_raw(Box::new(value));
        let was_unset = self.value.compare_exchange(null_mut(), new, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !was_unset {
            // SAFETY: `new` comes from a box, and no other thread has seen it.
            drop(unsafe { Box::from_raw(new) });
        }
        was_unset
    }

    /// Sets the value. Returns `EBUSY` if it was already set.
    pub(crate) fn set_or_busy(&self, value: T) -> io::Result<()> {
        if self.set(value) {
            Ok(())
        } else {
            Err(os_error(EBUSY))
        }
    }

    /// Sets the value, even if it was set before. The earlier value is never freed, because other
    /// threads may still use it.
    pub(crate) fn replace(&self, value: T) {
        self.value.store(Box::into_raw(Box::new(value)), Ordering::Release);
    }

    /// Returns the value, or `None` if it was not set.
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: the pointer is null, a `&'static T` from `get_or_set`, or it comes from a box of
        // `set` or `replace`, which is never freed. No code has a mutable reference to the value.
        unsafe { self.value.load(Ordering::Acquire).as_ref() }
    }

    /// Returns the value. If it was not set, sets it to `default` first.
    pub(crate) fn get_or_set(&self, default: &'static T) -> &'static T {
        if let Some(value) = self.get() {
            return value;
        }
        let default = (default as *const T).cast_mut();
        let found = self.value.compare_exchange(null_mut(), default, Ordering::AcqRel, Ordering::Acquire);
        // SAFETY: the pointer is this or another `default`, which is a `&'static T`, or it comes
        // from a box of `set` or `replace`, which is never freed. No code has a mutable reference to
        // the value.
        unsafe { &*found.err().unwrap_or(default) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_sets_another_value() {
        static DEFAULT: u8 = 0;
        let value = SetOnce::new();
        assert_eq!(*value.get_or_set(&DEFAULT), 0);
        value.replace(1);
        assert_eq!((value.get(), value.set(2)), (Some(&1), false));
    }

    #[test]
    fn set_never_replaces_the_first_value() {
        static DEFAULT: u8 = 0;
        let (set, defaulted) = (SetOnce::new(), SetOnce::new());
        assert_eq!(set.get(), None);
        assert!(set.set(1) && !set.set(2));
        assert_eq!((set.get(), *set.get_or_set(&DEFAULT)), (Some(&1), 1));
        assert!(std::ptr::eq(defaulted.get_or_set(&DEFAULT), &DEFAULT));
        assert!(!defaulted.set(3));
        assert_eq!(*defaulted.get_or_set(&DEFAULT), 0);
    }
}
