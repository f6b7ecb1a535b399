//! Requests that the system refuses to root and to other users: capabilities, descriptors, threads.

use crate::support::*;
use crate::test_backend::TestBackend;
use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use portable_timerfd::{Clock, CreateFlags, TimerFd, TimerSpec};
use std::fs;
use std::thread;
use std::time::Duration;

crate::cases![
    alarm_clocks_need_the_capability_when_made_and_when_set,
    alarm_clocks_are_refused_to_ordinary_users,
    at_the_process_descriptor_limit_creation_fails_and_leaks_nothing,
    at_the_system_file_limit_creation_fails_and_existing_timers_work,
    settime_fails_where_no_thread_can_be_started,
];

/// Runs a function in its own thread, because its changes to the thread must end with it.
fn in_a_thread(run: impl FnOnce() + Send) {
    thread::scope(|scope| scope.spawn(run).join()).unwrap();
}

/// Runs a function in a thread of an ordinary user, unlike the other threads of the process.
fn as_an_ordinary_user(run: impl FnOnce() + Send) {
    in_a_thread(|| {
        const NOBODY: libc::c_long = 65_534;
        // SAFETY: the call touches no memory of this program. The kernel's call changes only this
        // thread; the C library's would change all threads.
        Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) }).unwrap();
        run();
    });
}

/// Raises or drops the capability to set alarm clocks for this thread.
fn hold_wake_alarm(hold: bool) {
    const VERSION_3: u32 = 0x2008_0522;
    const WAKE_ALARM: u32 = 1 << (35 - 32);
    let mut header = [VERSION_3, 0];
    // The effective, permitted and inheritable sets, for the lower and the upper 32 capabilities.
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: `header` and `sets` have the layout of version 3 of the calls.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) }).unwrap();
    let effective = &mut sets[1][0];
    *effective = if hold { *effective | WAKE_ALARM } else { *effective & !WAKE_ALARM };
    // SAFETY: as above.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_ptr()) }).unwrap();
}

fn alarm_clocks_need_the_capability_when_made_and_when_set(backend: &TestBackend) {
    in_a_thread(|| {
        for clock in ALARMS {
            let timer = backend.open_on(clock);
            timer.arm_after(2 * HOUR).unwrap();
            hold_wake_alarm(false);
            assert_errno(backend.open(clock, CreateFlags::default()), libc::EPERM);
            assert_errno(timer.arm_after(HOUR), libc::EPERM);
            assert_errno(timer.disarm(), libc::EPERM);
            assert!(left(&timer) > HOUR, "what fails changes nothing");
            assert_nothing_to_read(&timer);
            hold_wake_alarm(true);
            timer.arm_after(Duration::from_millis(1)).unwrap();
            hold_wake_alarm(false);
            assert_eq!(timer.wait(None).unwrap(), 1, "to read it, none is needed");
            hold_wake_alarm(true);
        }
    });
}

fn alarm_clocks_are_refused_to_ordinary_users(backend: &TestBackend) {
    let timers = ALARMS.map(|clock| backend.open_on(clock));
    as_an_ordinary_user(|| {
        for timer in &timers {
            assert_errno(backend.open(timer.clock(), CreateFlags::default()), libc::EPERM);
            assert_errno(timer.arm_after(HOUR), libc::EPERM);
            assert_eq!(timer.get().unwrap(), TimerSpec::disarmed());
        }
        for clock in [Clock::Realtime, Clock::Monotonic, Clock::Boottime] {
            backend.open_on(clock).arm_after(HOUR).unwrap();
        }
    });
}

fn assert_expires(timer: &TimerFd) {
    for _ in 0..3 {
        timer.arm_after(Duration::from_millis(1)).unwrap();
        until_readable(timer);
    }
    assert_eq!(timer.wait(None).unwrap(), 1);
}

fn at_the_process_descriptor_limit_creation_fails_and_leaks_nothing(backend: &TestBackend) {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let before = descriptors();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let mut timers = Vec::new();
    let refusal = loop {
        match backend.open(Clock::Realtime, CreateFlags::default()) {
            Ok(timer) => timers.push(timer),
            refusal => break refusal,
        }
    };
    // The first and the last timer that could be created.
    assert_expires(&timers[0]);
    assert_expires(&timers[timers.len() - 1]);
    let again = [Clock::Monotonic, Clock::RealtimeAlarm].map(|clock| backend.open(clock, CreateFlags::default()));
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert_errno(refusal, libc::EMFILE);
    again.into_iter().for_each(|refusal| assert_errno(refusal, libc::EMFILE));
    drop(timers);
    assert_eq!(descriptors(), before);
}

fn at_the_system_file_limit_creation_fails_and_existing_timers_work(backend: &TestBackend) {
    const LIMIT: &str = "/proc/sys/fs/file-max";
    let limit = fs::read(LIMIT).unwrap();
    let timers = [Clock::Realtime, Clock::Monotonic].map(|clock| backend.open_on(clock));
    let before = descriptors();
    // The limit does not apply to root.
    fs::write(LIMIT, "0").unwrap();
    as_an_ordinary_user(|| {
        assert_eq!(fs::File::open("/").unwrap_err().raw_os_error(), Some(libc::ENFILE));
        for _ in 0..3 {
            assert_errno(backend.open(Clock::Monotonic, CreateFlags::default()), libc::ENFILE);
        }
        timers.iter().for_each(assert_expires);
    });
    fs::write(LIMIT, limit).unwrap();
    assert_eq!(descriptors(), before);
}

/// Waits for the emulation's thread to end, a second after the last timer.
fn until_no_thread_runs() {
    let runs = || {
        fs::read_dir("/proc/self/task")
            .unwrap()
            .flatten()
            .any(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "timerfd"))
    };
    while runs() {
        thread::sleep(Duration::from_millis(20));
    }
}

/// The kernel's timers need no thread.
fn settime_fails_where_no_thread_can_be_started(backend: &TestBackend) {
    until_no_thread_runs();
    let timer = open(backend);
    timer.set(&TimerSpec::disarmed().every(HOUR)).unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
    as_an_ordinary_user(|| {
        setrlimit(Resource::RLIMIT_NPROC, 0, hard).unwrap();
        let settings = [TimerSpec::after(Duration::ZERO), in_an_hour(backend), TimerSpec::disarmed().cancel_on_set()];
        for setting in settings {
            if backend.is_kernel() {
                timer.set(&setting).unwrap();
            } else {
                assert_errno(timer.replace(&setting), libc::ENOMEM);
                assert_eq!(timer.get().unwrap(), TimerSpec::disarmed().every(HOUR));
                assert_nothing_to_read(&timer);
            }
        }
        setrlimit(Resource::RLIMIT_NPROC, soft, hard).unwrap();
        assert_expires(&timer);
    });
}
