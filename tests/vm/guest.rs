//! The virtual machine of `ci/vm`: how to recognize it, and its first process.

use nix::mount::{mount, MsFlags};
use nix::sys::reboot::{reboot, RebootMode};
use nix::unistd::{getpid, getppid, Pid};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// The parameter on the kernel's command line with which `ci/vm` marks the machine as temporary.
/// The kernel passes it to the first process as an environment variable.
const WORD: (&str, &str) = ("PORTABLE_TIMERFD_VM", "throw-away");

const INIT: Pid = Pid::from_raw(1);

/// Whether this process is the first of the virtual machine.
pub fn is_init() -> bool {
    let (name, value) = WORD;
    if getpid() != INIT || std::env::var(name).as_deref() != Ok(value) {
        return false;
    }
    if !Path::new("/proc/cmdline").exists() {
        mount_as("proc", "/proc");
    }
    is_throw_away()
}

/// Whether this machine is temporary. Two facts must hold: its kernel was booted with the
/// parameter, and this program is its first process, or was started by it.
pub fn is_throw_away() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let (name, value) = WORD;
        let word = format!("{name}={value}");
        let booted_so =
            std::fs::read_to_string("/proc/cmdline").is_ok_and(|line| line.split_whitespace().any(|w| w == word));
        booted_so && (getpid() == INIT || getppid() == INIT)
    })
}

fn mount_as(kind: &str, place: &str) {
    std::fs::create_dir_all(place).unwrap();
    mount(Some(kind), place, Some(kind), MsFlags::empty(), None::<&str>).unwrap();
}

/// Runs the cases in a child, so that the first process survives a crash, and prints the child's
/// status.
pub fn run_and_power_off() -> ! {
    mount_as("sysfs", "/sys");
    mount_as("devtmpfs", "/dev");
    let status = Command::new("/proc/self/exe").args(std::env::args_os().skip(1)).status();
    match status.map(|status| status.code()) {
        Ok(Some(code)) => println!("THE CASES ENDED WITH {code}"),
        other => println!("the cases did not end: {other:?}"),
    }
    reboot(RebootMode::RB_POWER_OFF).unwrap();
    unreachable!()
}
