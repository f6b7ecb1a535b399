//! The functions of `<portable_timerfd.h>`, which Linux does not have.

use crate::{answer, choice, report};
use descriptors::{thread, Backend};
use libc::{c_char, c_int, EFAULT, EINVAL};
use std::ffi::CStr;
use std::io;

/// The version, as a C string.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The numbers of the backends in the header.
const BACKENDS: [Backend; 3] = [Backend::Best, Backend::Kernel, Backend::Userspace];

/// `struct ptfd_capabilities`.
#[repr(C)]
pub struct Capabilities {
    backend: c_int,
    counts_suspend: c_int,
    wakes_system: c_int,
    cancel_on_set: c_int,
    process_shared: c_int,
    jump_latency_ms: c_int,
    reserved: [c_int; 10],
}

/// The number of a fact that is not known.
const UNKNOWN: c_int = -1;

impl Capabilities {
    fn new(backend: Backend, found: &descriptors::Capabilities) -> Capabilities {
        let number = BACKENDS.iter().position(|&one| one == backend).unwrap_or(0);
        let latency = found.jump_latency.map(|latency| c_int::try_from(latency.as_millis()).unwrap_or(c_int::MAX));
        Capabilities {
            backend: number as c_int,
            counts_suspend: found.counts_suspend.map_or(UNKNOWN, c_int::from),
            wakes_system: found.wakes_system.into(),
            cancel_on_set: found.cancel_on_set.into(),
            process_shared: found.process_shared.into(),
            jump_latency_ms: latency.unwrap_or(UNKNOWN),
            reserved: [0; 10],
        }
    }
}

fn error(code: c_int) -> io::Error {
    io::Error::from_raw_os_error(code)
}

/// Returns the version of the library, for example `0.1.0`.
#[no_mangle]
pub extern "C" fn ptfd_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

/// Reads a timer: stores the number of expirations, or fails with `ECANCELED` after a clock change.
///
/// # Safety
///
/// `count` is null or points to memory for a `uint64_t`.
#[no_mangle]
pub unsafe extern "C" fn ptfd_read(fd: c_int, count: *mut u64) -> c_int {
    answer(|| {
        // Before the read, which consumes the expirations.
        if count.is_null() {
            return Err(error(EFAULT));
        }
        let expirations = descriptors::read(fd)?;
        // SAFETY: the caller has reserved the memory. It may be unaligned.
        unsafe { count.write_unaligned(expirations) };
        Ok(0)
    })
}

/// Makes this the backend of all timers of the process.
#[no_mangle]
pub extern "C" fn ptfd_set_backend(backend: c_int) -> c_int {
    answer(|| {
        let backend = usize::try_from(backend).ok().and_then(|number| BACKENDS.get(number));
        choice::set(*backend.ok_or_else(|| error(EINVAL))?).map(|()| 0)
    })
}

/// Sets the options of the timer thread, in the notation of `PORTABLE_TIMERFD_THREAD`.
///
/// # Safety
///
/// `options` is null or points to a null-terminated string.
#[no_mangle]
pub unsafe extern "C" fn ptfd_set_thread_options(options: *const c_char) -> c_int {
    answer(|| {
        if options.is_null() {
            return Err(error(EFAULT));
        }
        // SAFETY: the caller guarantees a null-terminated string.
        let options = unsafe { CStr::from_ptr(options) };
        thread::set_options_from(options.to_bytes()).map(|()| 0)
    })
}

/// Starts the timer thread now.
#[no_mangle]
pub extern "C" fn ptfd_start_thread() -> c_int {
    answer(|| report::with_thread_options(thread::start()).map(|()| 0))
}

/// Stores the capabilities of the timers that `timerfd_create` would create for this clock.
///
/// # Safety
///
/// `capabilities` is null or points to memory for a `struct ptfd_capabilities`.
#[no_mangle]
pub unsafe extern "C" fn ptfd_capabilities(clockid: c_int, capabilities: *mut Capabilities) -> c_int {
    answer(|| {
        if capabilities.is_null() {
            return Err(error(EFAULT));
        }
        let (backend, found) = descriptors::capabilities(choice::backend_for_now()?, clockid)?;
        // SAFETY: the caller has reserved the memory. It may be unaligned.
        unsafe { capabilities.write_unaligned(Capabilities::new(backend, &found)) };
        Ok(0)
    })
}
