//! No thread is canceled in the midst of a call: as on Linux, the three are no places for that.

use libc::c_int;

/// From when it is made until it is dropped.
pub(crate) struct Uncanceled {
    before: c_int,
}

#[cfg(not(target_os = "android"))] // which cancels no threads
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
        // SAFETY: `before` is a place for the state of before.
        unsafe { pthread_setcancelstate(DISABLE, &mut before) };
        Uncanceled { before }
    }
}

impl Drop for Uncanceled {
    fn drop(&mut self) {
        let mut ours = 0;
        // SAFETY: as above.
        unsafe { pthread_setcancelstate(self.before, &mut ours) };
    }
}
