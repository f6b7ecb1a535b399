//! What only Linux reports about a process: the timer thread in `/proc`, the capacity of a pipe.

use crate::common::HOUR;
use crate::fd_only::create;
use crate::timer_thread::blocked_signals;
use crate::userspace;
use nix::libc;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

crate::cases![
    userspace:
        a_timers_pipe_takes_one_page,
        the_thread_is_named,
        the_thread_blocks_the_signals_that_proc_shows,
        the_thread_sleeps_without_slack;
];

/// Returns what the system reports about a thread at one moment, by the names of the fields.
pub fn status(thread: &Path) -> impl Fn(&str) -> String {
    let status = std::fs::read_to_string(thread.join("status")).unwrap();
    move |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
}

/// Returns the directories of this process's threads in /proc.
fn tasks() -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path())
}

/// Returns the directories of the timer threads in /proc.
pub fn timer_threads() -> Vec<PathBuf> {
    // The thread may end during the check.
    let name = |task: &PathBuf| std::fs::read_to_string(task.join("comm")).unwrap_or_default();
    tasks().filter(|task| name(task).trim() == "timerfd").collect()
}

/// Waits until there is a timer thread with its name, and returns it.
pub fn the_thread() -> PathBuf {
    std::iter::repeat_with(|| timer_threads().pop()).flatten().next().unwrap()
}

pub fn until_the_thread_has_ended() {
    while !timer_threads().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn a_timers_pipe_takes_one_page() {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap();
    let room = |fd: RawFd| {
        // SAFETY: asking for the capacity of a pipe touches no memory.
        libc::c_long::from(unsafe { libc::fcntl(fd, libc::F_GETPIPE_SZ) })
    };
    let (timer, raw) = (userspace(), create());
    assert_eq!([room(timer.as_raw_fd()), room(raw.as_raw_fd())], [page; 2]);
}

fn the_thread_is_named() {
    let timer = userspace();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    timer.wait(None).unwrap();
    let names: Vec<_> = tasks().map(|task| status(&task)("Name:")).collect();
    assert_eq!(names.iter().filter(|name| *name == "timerfd").count(), 1, "{names:?}");
}

fn the_thread_sleeps_without_slack() {
    let timer = userspace();
    timer.arm_after(HOUR).unwrap();
    let thread = the_thread();
    let slack = Path::new("/proc").join(thread.file_name().unwrap()).join("timerslack_ns");
    match std::fs::read_to_string(slack) {
        // Only root may read the timer slack.
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::PermissionDenied),
        Ok(slack) => assert_eq!(slack.trim(), "1"),
    }
}

/// Linux has more signals than those that every system has.
fn the_thread_blocks_the_signals_that_proc_shows() {
    let timer = userspace();
    timer.arm_after(HOUR).unwrap();
    let blocked = u64::from_str_radix(&status(&the_thread())("SigBlk:"), 16).unwrap();
    // The C library keeps two or three signals for itself.
    let its_own = if cfg!(target_env = "musl") { 0b111 } else { 0b11 } << 31;
    let free = [libc::SIGKILL, libc::SIGSTOP, libc::SIGSYS].into_iter().fold(its_own, |bits, n| bits | 1 << (n - 1));
    assert_eq!(blocked, !free);
    assert_eq!(blocked_signals(), blocked);
}
