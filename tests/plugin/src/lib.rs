//! A plugin. Its host calls these functions by name. A result of -1 means that a call failed.

use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{backends, Clock, CreateFlags, TimerFd, TimerSpec};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::time::Duration;

const PERIOD: Duration = Duration::from_millis(1);

fn periodic(is_kernel: bool) -> io::Result<TimerFd> {
    let backend = if is_kernel { backends::kernel::BACKEND } else { backends::userspace::BACKEND };
    let timer = TimerFd::builder(Clock::Monotonic).backend(backend).nonblocking(false).open()?;
    timer.arm_every(PERIOD)?;
    Ok(timer)
}

fn raw() -> io::Result<RawFd> {
    let descriptor = RawTimer::create(Clock::Monotonic, CreateFlags::new().nonblocking(false))?;
    RawTimer::find(descriptor.as_raw_fd())?.settime(&TimerSpec::after(PERIOD).every(PERIOD))?;
    Ok(descriptor.into_raw_fd())
}

/// Waits for a timer of its own and drops it; returns 0.
#[no_mangle]
pub extern "C" fn await_one(is_kernel: bool) -> RawFd {
    let awaited = periodic(is_kernel).and_then(|timer| timer.wait(None));
    if awaited.is_ok() {
        0
    } else {
        -1
    }
}

/// Returns the descriptor of a timer that stays armed.
#[no_mangle]
pub extern "C" fn leave_armed(is_kernel: bool) -> RawFd {
    let left = periodic(is_kernel).map(|timer| {
        let number = timer.as_raw_fd();
        std::mem::forget(timer);
        number
    });
    left.unwrap_or(-1)
}

/// Returns the only descriptor of a raw timer that is armed.
#[no_mangle]
pub extern "C" fn give_raw(_: bool) -> RawFd {
    raw().unwrap_or(-1)
}

/// What the plugin does while it is loaded.
#[cfg(target_os = "linux")]
mod initializer {
    use std::fs::OpenOptions;
    use std::io::{Read, Write};

    /// Runs while the loader holds its lock. If the host has asked for it, writes a byte to one
    /// descriptor and waits for a byte from another.
    extern "C" fn initialize() {
        let Ok(numbers) = std::env::var("PLUGIN_WAITS_FOR_HOST") else { return };
        let Some((begun, done)) = numbers.split_once(' ') else { return };
        let file = |number| OpenOptions::new().read(true).write(true).open(format!("/proc/self/fd/{number}"));
        if let (Ok(mut begun), Ok(mut done)) = (file(begun), file(done)) {
            let met = begun.write_all(&[1]).and_then(|()| done.read_exact(&mut [0]));
            assert!(met.is_ok());
        }
    }

    #[used]
    #[link_section = ".init_array"]
    static INITIALIZE: extern "C" fn() = initialize;
}
