//! Prevents the unloading of the shared object that contains this code: a plugin, or a library that
//! a plugin needs.
//!
//! Otherwise, `dlclose` could unload the code that the timer thread runs, or the handlers that
//! `pthread_atfork` registered. The C library still calls these handlers, and the process dies if
//! their code is no longer mapped.

use std::ffi::CStr;
use std::mem::{transmute, MaybeUninit};
use std::ptr::addr_of;

use super::system::SYSTEM;

type Dlopen = unsafe extern "C" fn(*const libc::c_char, libc::c_int) -> *mut libc::c_void;

/// An address in the object. The address of a function could be that of a stub in another object.
static INSIDE: u8 = 0;

/// Keeps the object loaded until the process ends.
///
/// Does nothing in the main program, which is never unloaded, or in a static program, which has no
/// loader. If the loader refuses the call, timers still work while the object stays loaded.
pub(super) fn pin() {
    if let (Some(mode), Some(object)) = (SYSTEM.pin_mode, removable_object()) {
        take_reference(&object, mode);
    }
}

/// Returns the object that contains this code, unless it is known to be the main program.
///
/// The main program must not be passed to the loader by its name, because the loader would search
/// the file system.
fn removable_object() -> Option<libc::Dl_info> {
    let inside = addr_of!(INSIDE).cast();
    if (SYSTEM.is_in_main_program)(inside) {
        return None;
    }
    object_at(inside).filter(|object| !object.dli_fname.is_null())
}

/// Takes a reference to the object that is never released.
fn take_reference(object: &libc::Dl_info, mode: libc::c_int) {
    let Some(dlopen) = dlopen() else { return };
    // SAFETY: the loader keeps the name for as long as the object is loaded, and the object runs
    // this code. The mode loads nothing, so no initializer runs.
    if unsafe { dlopen(object.dli_fname, mode) }.is_null() {
        forget_error();
    }
}

/// Returns the object that is loaded at this address.
fn object_at(address: *const libc::c_void) -> Option<libc::Dl_info> {
    let mut object = MaybeUninit::uninit();
    // SAFETY: the call only compares the address, and `object` is valid for writes of the result.
    match unsafe { libc::dladdr(address, object.as_mut_ptr()) } {
        0 => None,
        // SAFETY: the call succeeded, so it has stored the result.
        _ => Some(unsafe { object.assume_init() }),
    }
}

/// Looks up `dlopen(3)` at run time, because linkers warn about its name in a static program.
fn dlopen() -> Option<Dlopen> {
    const NAME: &[u8] = b"dlopen\0";
    let name = CStr::from_bytes_with_nul(NAME).ok()?;
    // SAFETY: the name ends with a zero.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() {
        forget_error();
        return None;
    }
    // SAFETY: POSIX specifies this type for the function with this name.
    Some(unsafe { transmute::<*mut libc::c_void, Dlopen>(found) })
}

/// Clears the loader's error message, so that the program's next `dlerror` does not return it.
fn forget_error() {
    // SAFETY: the call concerns this thread only, and the message is not used.
    unsafe { libc::dlerror() };
}
