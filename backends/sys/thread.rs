//! The creation of the timer thread: its signal mask, its attributes and its timer slack.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_long, c_void};
use std::ptr::{null, null_mut};

use super::error::{check_errno, os_error};
use super::system::SYSTEM;
use super::thread_options::ThreadOptions;

/// The body of a thread: a value that lives as long as the process.
pub(crate) trait Body: Sync + 'static {
    fn run(&'static self);
}

/// Returns an error if no thread can have these options on this platform.
pub(crate) fn check(options: &ThreadOptions) -> io::Result<()> {
    (SYSTEM.threads.check)(options)
}

/// Starts a thread that runs `on` with these options.
///
/// If `options` is `None`, the thread gets the default options. If the system refuses these, the
/// thread inherits the attributes of the calling thread.
///
/// All signals except `SIGSYS` are blocked in the thread, so that it runs no signal handler of the
/// program. A sandbox may send `SIGSYS` for a system call of the thread, and the process would end
/// if that signal were blocked.
///
/// The thread is created by the C library, not by std. A thread of std locks a mutex of std when it
/// begins and when it ends. If another thread of the parent holds that mutex at a fork, a forked
/// child inherits it locked.
///
/// The new thread neither allocates nor frees memory here, so the C library creates no arena for
/// it.
///
/// # Errors
///
/// - `ENOMEM`: the thread cannot be created, because there is not enough memory or because there
///   are too many threads.
/// - Any other error of the system, if it refuses `options`.
pub(crate) fn spawn<T: Body>(on: &'static T, options: Option<&ThreadOptions>) -> io::Result<()> {
    // The new thread inherits this mask, so its signals are blocked from the beginning.
    let _blocked = BlockedSignals::all()?;
    let thread = match options {
        Some(options) => create(on, options, true)?,
        None => create_by_default(on)?,
    };
    if options.map_or(true, |options| options.chosen_cpus().is_none()) {
        (SYSTEM.threads.adopt_cpus)(thread);
    }
    if options.is_some_and(ThreadOptions::has_exact_sleep) {
        (SYSTEM.threads.sleep_exactly_at_a_cost)(thread);
    }
    // SAFETY: `thread` was created by this call, and no other code detaches or joins it.
    unsafe { libc::pthread_detach(thread) };
    Ok(())
}

fn create_by_default<T: Body>(on: &'static T) -> io::Result<libc::pthread_t> {
    let default = ThreadOptions::new();
    match create(on, &default, true) {
        Err(e) if e.raw_os_error() != Some(libc::ENOMEM) => create(on, &default, false),
        made => made,
    }
    .map_err(|_| os_error(libc::ENOMEM))
}

/// Creates a thread that the caller must detach or join.
fn create<T: Body>(on: &'static T, options: &ThreadOptions, is_explicit: bool) -> io::Result<libc::pthread_t> {
    let mut attributes = Attributes::new()?;
    attributes.set_stack()?;
    if is_explicit {
        attributes.set_scheduling(options)?;
    }
    let mut thread = MaybeUninit::uninit();
    let argument = on as *const T as *mut c_void;
    let errno = (SYSTEM.threads.prepare)(options, &mut || {
        // SAFETY: `thread` is valid for writes of a thread's identity. `attributes` are null or
        // initialized. `run::<T>` takes a `&'static T`, which other threads may use.
        unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run::<T>, argument) }
    });
    match errno {
        // SAFETY: the call succeeded, so it has stored the identity.
        0 => Ok(unsafe { thread.assume_init() }),
        // The caller of a timer method would take `EAGAIN` for "would block".
        libc::EAGAIN => Err(os_error(libc::ENOMEM)),
        _ => Err(os_error(errno)),
    }
}

/// The name of the thread. Linux limits names to 15 characters.
const NAME: &[u8] = b"timerfd\0";

extern "C" fn run<T: Body>(on: *mut c_void) -> *mut c_void {
    // SAFETY: `create` passes a `&'static T` to this function, and `T` can be shared with other
    // threads.
    let on: &'static T = unsafe { &*on.cast::<T>() };
    (SYSTEM.threads.adopt_nice_value)();
    // SAFETY: the only zero byte of the name is its last byte.
    (SYSTEM.name_thread)(unsafe { CStr::from_bytes_with_nul_unchecked(NAME) });
    (SYSTEM.sleep_exactly)();
    on.run();
    null_mut()
}

/// The attributes of a new thread, or `None` on a platform without thread attributes.
struct Attributes(Option<libc::pthread_attr_t>);

impl Attributes {
    fn new() -> io::Result<Attributes> {
        if !SYSTEM.threads.has_attributes {
            return Ok(Attributes(None));
        }
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: `attributes` is valid for writes of attributes, which the call initializes.
        check_errno(unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: the call succeeded. Moving attributes is allowed on every platform, and std does
        // it too.
        Ok(Attributes(Some(unsafe { attributes.assume_init() })))
    }

    fn as_ptr(&self) -> *const libc::pthread_attr_t {
        self.0.as_ref().map_or(null(), |attributes| attributes)
    }

    fn set_stack(&mut self) -> io::Result<()> {
        let Some(attributes) = &mut self.0 else { return Ok(()) };
        let size = stack_size((SYSTEM.threads.static_storage)(attributes));
        // SAFETY: `attributes` has been initialized.
        check_errno(unsafe { libc::pthread_attr_setstacksize(attributes, size) })
    }

    fn set_scheduling(&mut self, options: &ThreadOptions) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |attributes| (SYSTEM.threads.set_scheduling)(attributes, options))
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        if let Some(attributes) = &mut self.0 {
            // SAFETY: `attributes` has been initialized, and is not used again.
            unsafe { libc::pthread_attr_destroy(attributes) };
        }
    }
}

/// Returns the size of the thread's stack, in whole pages. Static thread-local storage takes
/// `static_storage` bytes of the stack.
///
/// The thread uses less than 16 KiB in a debug build. A process that locks its memory also locks
/// this stack, so the stack must not have the usual size of several MiB.
fn stack_size(static_storage: usize) -> usize {
    const LEAST: usize = 128 << 10;
    let page = system_number(libc::_SC_PAGESIZE).max(1);
    let size = LEAST.max(system_number(libc::_SC_THREAD_STACK_MIN)).saturating_add(static_storage);
    (size.saturating_add(page - 1) / page).saturating_mul(page)
}

/// Returns a number from `sysconf(3)`, or 0 if the system does not know it.
fn system_number(name: c_int) -> usize {
    // SAFETY: the call takes a number and touches no memory.
    let number: c_long = unsafe { libc::sysconf(name) };
    usize::try_from(number).unwrap_or(0)
}

/// Blocks all signals except `SIGSYS` in the calling thread until it is dropped.
struct BlockedSignals {
    before: libc::sigset_t,
}

impl BlockedSignals {
    fn all() -> io::Result<BlockedSignals> {
        let mut all = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: `all` and `before` are valid for writes of signal sets, and the first call
        // initializes `all`.
        let errno = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::sigdelset(all.as_mut_ptr(), libc::SIGSYS);
            libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr())
        };
        match errno {
            // SAFETY: the call succeeded, so it has stored the previous mask.
            0 => Ok(BlockedSignals { before: unsafe { before.assume_init() } }),
            _ => Err(os_error(errno)),
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: `before` is an initialized signal set.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, null_mut()) };
    }
}
