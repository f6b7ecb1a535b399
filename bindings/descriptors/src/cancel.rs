//! Prevents thread cancellation during the three calls, which are no cancellation points on Linux.

use libc::c_int;

/// Disables cancellation of this thread from its creation until it is dropped.
pub(crate) struct Uncanceled {
    before: c_int,
}

#[cfg(not(target_os = "android"))] // Android has no thread cancellation
extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

#[cfg(target_os = "android")]
unsafe fn pthread_setcancelstate(_state: c_int, _before: *mut c_int) -> c_int {
    0
}

/// `PTHREAD_CANCEL_DISABLE`.
const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

impl Uncanceled {
    pub(crate) fn begin() -> Uncanceled {
        let mut before = 0;
        // SAFETY: `before` is valid for a write of the old state.
        unsafe { pthread_setcancelstate(DISABLE, &mut before) };
        Uncanceled { before }
    }
}

impl Drop for Uncanceled {
    fn drop(&mut self) {
        let mut disabled = 0;
        // SAFETY: `disabled` is valid for a write of the old state.
        unsafe { pthread_setcancelstate(self.before, &mut disabled) };
    }
}
