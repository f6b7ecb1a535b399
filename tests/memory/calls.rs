//! Counts the calls to the C library's allocator. Rust's allocator sees only a part of them: std
//! and the C library itself also call the C library's directly.

use nix::libc::{c_int, c_void, size_t, ENOMEM};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

static OF_OTHERS: AtomicUsize = AtomicUsize::new(0);

/// Marks this thread as a thread of the test.
pub fn own_this_thread() {
    IS_OWN.with(|own| own.set(true));
}

/// Returns the number of calls of all other threads.
pub fn of_others() -> usize {
    OF_OTHERS.load(Ordering::SeqCst)
}

fn count() {
    if !IS_OWN.with(Cell::get) {
        OF_OTHERS.fetch_add(1, Ordering::SeqCst);
    }
}

extern "C" {
    fn __libc_malloc(size: size_t) -> *mut c_void;
    fn __libc_calloc(number: size_t, size: size_t) -> *mut c_void;
    fn __libc_realloc(place: *mut c_void, size: size_t) -> *mut c_void;
    fn __libc_memalign(alignment: size_t, size: size_t) -> *mut c_void;
    fn __libc_free(place: *mut c_void);
}

/// Defines functions of the C library that count a call and pass it on.
macro_rules! counted {
    ($($name:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)? = $libc:ident;)*) => {$(
        /// # Safety
        ///
        /// As the C library's.
        #[no_mangle]
        pub unsafe extern "C" fn $name($($argument: $kind),*) $(-> $result)? {
            count();
            // SAFETY: the caller keeps the promises of this function.
            unsafe { $libc($($argument),*) }
        }
    )*};
}

counted! {
    malloc(size: size_t) -> *mut c_void = __libc_malloc;
    calloc(number: size_t, size: size_t) -> *mut c_void = __libc_calloc;
    realloc(place: *mut c_void, size: size_t) -> *mut c_void = __libc_realloc;
    memalign(alignment: size_t, size: size_t) -> *mut c_void = __libc_memalign;
    aligned_alloc(alignment: size_t, size: size_t) -> *mut c_void = __libc_memalign;
    free(place: *mut c_void) = __libc_free;
}

/// # Safety
///
/// As the C library's.
#[no_mangle]
pub unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, alignment: size_t, size: size_t) -> c_int {
    count();
    // SAFETY: the caller keeps the promises of this function: `place` is valid for writes.
    unsafe {
        let new = __libc_memalign(alignment, size);
        if new.is_null() {
            return ENOMEM;
        }
        *place = new;
    }
    0
}
