//! A host that loads a plugin, uses its timers, and unloads it with `dlclose`.
//!
//! The timer thread and the handlers of `fork` belong to the plugin, not to the host. If their code
//! is unmapped, the host's process dies, so each case has a process of its own.

#[path = "../../common/own_process.rs"]
mod own_process;
#[path = "../../common/timer_thread.rs"]
mod timer_thread;

use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, ForkResult};
use own_process::Case;
use std::ffi::{c_int, c_void, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use timer_thread::{the_thread, until_the_thread_has_ended};

/// How the host loads the plugin.
#[derive(Clone, Copy)]
enum By {
    AbsolutePath,
    /// A path that refers to another file after the load, because the working directory changes.
    RelativePath,
    /// `dlmopen`, into a namespace with its own C library.
    #[cfg(target_env = "gnu")]
    Namespace,
}

struct Plugin {
    handle: *mut c_void,
}

/// Returns the path of the plugin, which cargo puts next to this program.
fn path() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let name = format!("{}test_plugin{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    program.with_file_name(name)
}

fn open(path: &Path, mode: c_int, by: By) -> *mut c_void {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path ends with a zero, and the plugin's initializers are those of Rust.
    unsafe {
        match by {
            #[cfg(target_env = "gnu")]
            By::Namespace => libc::dlmopen(libc::LM_ID_NEWLM, path.as_ptr(), mode),
            _ => libc::dlopen(path.as_ptr(), mode),
        }
    }
}

/// Whether the loader has the plugin loaded.
fn is_loaded() -> bool {
    let handle = open(&path(), libc::RTLD_NOW | libc::RTLD_NOLOAD, By::AbsolutePath);
    // SAFETY: the loader has just given the handle, if it is one.
    !handle.is_null() && unsafe { libc::dlclose(handle) } == 0
}

impl Plugin {
    fn load(by: By) -> Plugin {
        let mut path = path();
        if let By::RelativePath = by {
            std::env::set_current_dir(path.parent().unwrap()).unwrap();
            path = Path::new(".").join(path.file_name().unwrap());
        }
        let handle = open(&path, libc::RTLD_NOW | libc::RTLD_LOCAL, by);
        assert!(!handle.is_null(), "{path:?} can't be loaded");
        std::env::set_current_dir("/").unwrap();
        Plugin { handle }
    }

    /// Calls a function of the plugin; returns its result.
    fn call(&self, name: &str, is_kernel: bool) -> RawFd {
        let symbol = CString::new(name).unwrap();
        // SAFETY: the plugin is loaded, and all its functions have this type.
        let result = unsafe {
            let function = libc::dlsym(self.handle, symbol.as_ptr());
            assert!(!function.is_null(), "{name}");
            std::mem::transmute::<*mut c_void, extern "C" fn(bool) -> RawFd>(function)(is_kernel)
        };
        assert_ne!(result, -1, "{name}");
        result
    }

    fn close(self) {
        // SAFETY: the handle is that of `dlopen`, and this is the only call that closes it.
        assert_eq!(unsafe { libc::dlclose(self.handle) }, 0);
    }
}

/// Forks. The plugin's handlers run in both processes, and the child must end with success.
fn fork_survives(in_child: impl FnOnce()) {
    // SAFETY: the child does what the library promises to work in a child.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            in_child();
            // SAFETY: the child must not run the parent's exit handlers.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0)),
    }
}

/// Reads until the timer thread has run after this call began. The first message may be older.
fn assert_ticks(timer: &mut File) {
    for _ in 0..3 {
        let mut count = [0; 8];
        timer.read_exact(&mut count).unwrap();
        assert_ne!(u64::from_ne_bytes(count), 0);
    }
}

/// Returns the descriptor of a timer that a function of the plugin leaves open, as a file.
fn timer_of(plugin: &Plugin, function: &str) -> File {
    // SAFETY: the plugin has given the descriptor away, or its owner closes it only after the case.
    unsafe { File::from_raw_fd(plugin.call(function, false)) }
}

fn a_plugin_with_kernel_timers_can_be_unloaded() {
    let plugin = Plugin::load(By::AbsolutePath);
    plugin.call("await_one", true);
    plugin.close();
    assert!(!is_loaded());
}

fn a_plugin_with_userspace_timers_stays_loaded() {
    let plugin = Plugin::load(By::AbsolutePath);
    plugin.call("await_one", false);
    plugin.close();
    assert!(is_loaded());
    fork_survives(|| ());
}

fn an_armed_timer_of_a_closed_plugin_expires() {
    let plugin = Plugin::load(By::AbsolutePath);
    let mut timer = timer_of(&plugin, "leave_armed");
    plugin.close();
    assert_ticks(&mut timer);
    fork_survives(|| ());
    assert_ticks(&mut timer);
}

fn a_raw_timer_of_a_closed_plugin_expires() {
    let plugin = Plugin::load(By::AbsolutePath);
    let mut timer = timer_of(&plugin, "give_raw");
    plugin.close();
    assert_ticks(&mut timer);
    fork_survives(|| ());
    the_thread();
    drop(timer);
    until_the_thread_has_ended();
}

fn the_thread_of_a_closed_plugin_ends_and_another_starts() {
    for round in [1, 2] {
        let plugin = Plugin::load(By::AbsolutePath);
        let timer = timer_of(&plugin, "give_raw");
        assert_eq!(the_thread(), round);
        plugin.call("await_one", false);
        plugin.close();
        drop(timer);
        until_the_thread_has_ended();
        fork_survives(|| ());
    }
}

fn a_plugin_can_be_loaded_and_closed_many_times() {
    for round in 0..200 {
        let plugin = Plugin::load(By::AbsolutePath);
        plugin.call("await_one", false);
        drop(timer_of(&plugin, "give_raw"));
        plugin.close();
        if round % 10 == 0 {
            fork_survives(|| ());
        }
    }
    assert!(is_loaded());
}

fn a_child_loads_a_plugin_that_its_parent_closed() {
    let use_timers = || {
        let plugin = Plugin::load(By::AbsolutePath);
        plugin.call("await_one", false);
        plugin.close();
    };
    use_timers();
    fork_survives(|| {
        use_timers();
        fork_survives(use_timers);
    });
}

fn a_plugin_is_found_though_the_working_directory_changed() {
    let plugin = Plugin::load(By::RelativePath);
    let mut timer = timer_of(&plugin, "leave_armed");
    plugin.close();
    assert!(is_loaded());
    assert_ticks(&mut timer);
    fork_survives(|| ());
}

#[cfg(target_env = "gnu")]
fn a_plugin_in_a_namespace_of_its_own_stays_loaded() {
    let plugin = Plugin::load(By::Namespace);
    let mut timer = timer_of(&plugin, "leave_armed");
    plugin.close();
    assert_ticks(&mut timer);
}

/// Only glibc has namespaces.
#[cfg(not(target_env = "gnu"))]
fn a_plugin_in_a_namespace_of_its_own_stays_loaded() {
    unreachable!("this case is ignored");
}

#[cfg(target_os = "linux")]
mod loading {
    use super::{By, Plugin};
    use nix::unistd::pipe;
    use portable_timerfd::{backends, Clock, TimerFd};
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::sync::{Arc, Barrier};
    use std::time::Duration;

    /// The loader holds its lock while it runs the initializers of a library.
    pub fn check() {
        let ((begun, begin), (done, finish)) = (pipe().unwrap(), pipe().unwrap());
        let (mut begun, mut finish) = (File::from(begun), File::from(finish));
        std::env::set_var("PLUGIN_WAITS_FOR_HOST", format!("{} {}", begin.as_raw_fd(), done.as_raw_fd()));
        // SAFETY: a signal ends a process that waits for ever.
        unsafe { libc::alarm(60) };
        // The start of a Rust thread calls the loader.
        let started = Arc::new(Barrier::new(2));
        let starts = Arc::clone(&started);
        let host = std::thread::spawn(move || {
            starts.wait();
            begun.read_exact(&mut [0]).unwrap();
            let userspace = backends::userspace::BACKEND;
            let timer = TimerFd::builder(Clock::Monotonic).backend(userspace).open().unwrap();
            finish.write_all(&[1]).unwrap();
            timer
        });
        started.wait();
        Plugin::load(By::AbsolutePath).close();
        let timer = host.join().unwrap();
        timer.arm_after(Duration::from_millis(1)).unwrap();
        timer.wait(None).unwrap();
    }
}

/// The plugin's initializer and its way to the descriptors of the host are those of Linux.
#[cfg(not(target_os = "linux"))]
mod loading {
    pub fn check() {
        unreachable!("this case is ignored");
    }
}

fn a_timer_of_the_main_program_is_made_without_the_loader() {
    loading::check();
}

macro_rules! cases {
    ($($backend:ident: $($case:ident),*;)*) => {
        &[$($((concat!(stringify!($backend), "::", stringify!($case)), $case)),*),*]
    };
}

const CASES: &[Case] = cases![
    kernel: a_plugin_with_kernel_timers_can_be_unloaded;
    userspace:
        a_plugin_with_userspace_timers_stays_loaded,
        an_armed_timer_of_a_closed_plugin_expires,
        a_raw_timer_of_a_closed_plugin_expires,
        the_thread_of_a_closed_plugin_ends_and_another_starts,
        a_plugin_can_be_loaded_and_closed_many_times,
        a_child_loads_a_plugin_that_its_parent_closed,
        a_plugin_is_found_though_the_working_directory_changed,
        a_plugin_in_a_namespace_of_its_own_stays_loaded,
        a_timer_of_the_main_program_is_made_without_the_loader;
];

/// Whether a case shows as ignored on this system.
fn is_ignored(name: &str) -> bool {
    let lacks = |case, is_there: bool| !is_there && name.ends_with(case);
    lacks("::a_plugin_with_kernel_timers_can_be_unloaded", cfg!(target_os = "linux"))
        || lacks("::a_plugin_in_a_namespace_of_its_own_stays_loaded", cfg!(target_env = "gnu"))
        || lacks("::a_timer_of_the_main_program_is_made_without_the_loader", cfg!(target_os = "linux"))
}

fn main() -> ExitCode {
    own_process::run(CASES, is_ignored, || (), |output| output.status.success())
}
