//! A thread that takes no signals, has attributes of its own, and sleeps as exactly as the system
//! lets it.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_long, c_void};
use std::ptr::{null, null_mut};

use super::error::{check_errno, os_error};
use super::system::SYSTEM;
use super::thread_options::ThreadOptions;

/// What the thread does, on a value that lives as long as the process.
pub(crate) trait Body: Sync + 'static {
    fn run(&'static self);
}

/// Returns an error if no thread can have these options on this system.
pub(crate) fn check(options: &ThreadOptions) -> io::Result<()> {
    (SYSTEM.threads.check)(options)
}

/// Starts a thread that runs `on`, with these options; without any, with the default ones or, if
/// they are refused, with inherited ones.
///
/// All signals are blocked in the thread, so that no handler of the host runs on it, except `SIGSYS`: a
/// sandbox may send it for a system call of the thread, and ends the process if it is blocked. The error
/// is `ENOMEM` if the thread can't be made, for want of memory or because there are too many, or
/// the system's number if it refuses `options`.
///
/// The C library creates the thread: a thread of std's takes a lock of std's when it begins and
/// when it ends, and a forked child, whose parent's other threads come and go, may have inherited
/// that held. Nothing is handed over that the new thread would have to free: it neither allocates
/// nor frees here, so that the C library gives it no arena.
pub(crate) fn spawn<T: Body>(on: &'static T, options: Option<&ThreadOptions>) -> io::Result<()> {
    // A new thread inherits the mask, so there is no moment at which a signal could reach it.
    let _blocked = BlockedSignals::all()?;
    let thread = match options {
        Some(options) => create(on, options, true)?,
        None => create_by_default(on)?,
    };
    if options.map_or(true, |options| options.chosen_cpus().is_none()) {
        (SYSTEM.threads.adopt_cpus)(thread);
    }
    // SAFETY: `thread` was created here, and no other code detaches or joins it.
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

/// A thread that is neither detached nor joined yet.
fn create<T: Body>(on: &'static T, options: &ThreadOptions, is_explicit: bool) -> io::Result<libc::pthread_t> {
    let mut attributes = Attributes::new()?;
    attributes.set_stack()?;
    if is_explicit {
        attributes.set_scheduling(options)?;
    }
    let mut thread = MaybeUninit::uninit();
    let argument = on as *const T as *mut c_void;
    let errno = (SYSTEM.threads.prepare)(options, &mut || {
        // SAFETY: `thread` is a valid place for a thread's identity, `attributes` are null or
        // initialized, and `run::<T>` takes a `&'static T`, which other threads may use.
        unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run::<T>, argument) }
    });
    match errno {
        // SAFETY: the call succeeded, so it has stored the identity.
        0 => Ok(unsafe { thread.assume_init() }),
        // Not the number a thread is refused with, EAGAIN, which means "would block" to those who
        // wait for timers.
        libc::EAGAIN => Err(os_error(libc::ENOMEM)),
        _ => Err(os_error(errno)),
    }
}

/// At most 15 characters, as Linux takes names.
const NAME: &[u8] = b"timerfd\0";

extern "C" fn run<T: Body>(on: *mut c_void) -> *mut c_void {
    // SAFETY: `create` gives a `&'static T` to this function, and `T` can be shared with other
    // threads.
    let on: &'static T = unsafe { &*on.cast::<T>() };
    (SYSTEM.threads.adopt_nice_value)();
    // SAFETY: the name ends with its only zero.
    (SYSTEM.name_thread)(unsafe { CStr::from_bytes_with_nul_unchecked(NAME) });
    (SYSTEM.sleep_exactly)();
    on.run();
    null_mut()
}

/// Attributes of a new thread; none where the system does not let them be chosen.
struct Attributes(Option<libc::pthread_attr_t>);

impl Attributes {
    fn new() -> io::Result<Attributes> {
        if !SYSTEM.threads.has_attributes {
            return Ok(Attributes(None));
        }
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: `attributes` is a valid place for attributes, which the call initializes.
        check_errno(unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: the call succeeded. As std does, this moves attributes, which no system forbids.
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

/// The size of the thread's stack, in whole pages, where static thread-local storage takes so much
/// of it.
///
/// The thread uses less than 16 KiB in a debug build. With a stack of several MiB, a process that
/// locks its memory would lock that, too.
fn stack_size(static_storage: usize) -> usize {
    const OURS: usize = 128 << 10;
    let page = system_number(libc::_SC_PAGESIZE).max(1);
    let size = OURS.max(system_number(libc::_SC_THREAD_STACK_MIN)).saturating_add(static_storage);
    (size.saturating_add(page - 1) / page).saturating_mul(page)
}

/// A number that the system has; 0 if it does not know it.
fn system_number(name: c_int) -> usize {
    // SAFETY: the call takes a number and touches no memory.
    let number: c_long = unsafe { libc::sysconf(name) };
    usize::try_from(number).unwrap_or(0)
}

/// All signals but `SIGSYS` blocked in this thread, until it is dropped.
struct BlockedSignals {
    before: libc::sigset_t,
}

impl BlockedSignals {
    fn all() -> io::Result<BlockedSignals> {
        let mut all = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: `all` and `before` are valid places for signal sets; the first call makes `all` a
        // whole one.
        let errno = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::sigdelset(all.as_mut_ptr(), libc::SIGSYS);
            libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr())
        };
        match errno {
            // SAFETY: the call succeeded, so it has stored the mask of before.
            0 => Ok(BlockedSignals { before: unsafe { before.assume_init() } }),
            _ => Err(os_error(errno)),
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: `before` is the whole signal set that the system gave us.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, null_mut()) };
    }
}
