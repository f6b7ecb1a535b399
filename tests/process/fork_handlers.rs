//! No fork waits for a timer call, and no timer call waits for a fork, whatever other handlers of
//! `pthread_atfork` do.

use crate::common::{raw_read, until_readable, userspace_builder};
use crate::fd_only::{create, set, HOUR, MS};
use nix::libc;
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{alarm, fork, ForkResult};
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{Clock, TimerFd, TimerSpec};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

crate::cases![
    userspace:
        a_fork_returns_while_a_handler_waits_for_timer_calls,
        a_fork_returns_while_a_handler_takes_a_lock_held_during_timer_calls,
        a_fork_during_a_call_delays_no_fork_of_the_child;
];

/// Ends this process after a minute, so that a fork that waits for ever fails the case.
fn limit_the_time() {
    alarm::set(60);
}

/// Forks a child that ends at once.
fn fork_once() {
    // SAFETY: the child ends at once.
    match unsafe { fork() }.unwrap() {
        // SAFETY: the child must not run the parent's exit handlers.
        ForkResult::Child => unsafe { libc::_exit(0) },
        ForkResult::Parent { child } => assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0)),
    }
}

/// Registers handlers that run before a fork, and after it in the parent. Handlers that are
/// registered later run earlier before a fork. So the library's handlers, if it had any, would run
/// before these.
fn at_forks(before: extern "C" fn(), after: extern "C" fn()) {
    // SAFETY: the handlers may do what any code of the process may do. None of them runs in the
    // child.
    assert_eq!(unsafe { libc::pthread_atfork(Some(before), Some(after), None) }, 0);
}

/// The rounds of a worker that a raw timer wakes and that also makes every call.
static ROUNDS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn wait_for_two_rounds() {
    let goal = ROUNDS.load(Ordering::SeqCst) + 2;
    while ROUNDS.load(Ordering::SeqCst) < goal {
        thread::sleep(MS);
    }
}

extern "C" fn nothing() {}

fn a_fork_returns_while_a_handler_waits_for_timer_calls() {
    limit_the_time();
    at_forks(wait_for_two_rounds, nothing);
    thread::spawn(|| {
        let (raw, other) = (create(), create());
        let timer = userspace_builder(Clock::Monotonic).nonblocking(false).open().unwrap();
        loop {
            set(&raw, TimerSpec::after(MS).every(MS));
            until_readable(&raw);
            RawTimer::find(raw.as_raw_fd()).unwrap().gettime().unwrap();
            timer.arm_after(MS).unwrap();
            timer.read().unwrap();
            drop((create(), userspace_builder(Clock::Monotonic).open().unwrap()));
            set(&other, TimerSpec::after(HOUR));
            ROUNDS.fetch_add(1, Ordering::SeqCst);
        }
    });
    wait_for_two_rounds();
    (0..20).for_each(|_| fork_once());
}

/// A lock of another library. Its handlers hold the lock during a fork.
static IS_LOCKED: AtomicBool = AtomicBool::new(false);

extern "C" fn lock() {
    while IS_LOCKED.swap(true, Ordering::SeqCst) {
        thread::yield_now();
    }
}

extern "C" fn unlock() {
    IS_LOCKED.store(false, Ordering::SeqCst);
}

fn a_fork_returns_while_a_handler_takes_a_lock_held_during_timer_calls() {
    limit_the_time();
    at_forks(lock, unlock);
    let raw = create();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                lock();
                set(&raw, TimerSpec::after(HOUR));
                unlock();
            }
        });
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(1) {
            fork_once();
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

static CALLED_BY: OnceLock<OwnedFd> = OnceLock::new();
static OWNED: OnceLock<TimerFd> = OnceLock::new();
/// The number of children that a handler has forked, and how many of them were delayed.
static CHILDREN: AtomicU32 = AtomicU32::new(0);
static DELAYED: AtomicU32 = AtomicU32::new(0);
static IS_CHILD: AtomicI32 = AtomicI32::new(0);

extern "C" fn fork_in_a_handler(_: libc::c_int) {
    // SAFETY: the child returns from the handler into the call that was interrupted, as it may
    // after any fork.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => IS_CHILD.store(1, Ordering::SeqCst),
        ForkResult::Parent { child } => {
            let status = waitpid(child, None).unwrap();
            CHILDREN.fetch_add(1, Ordering::SeqCst);
            DELAYED.fetch_add(u32::from(status != WaitStatus::Exited(child, 0)), Ordering::SeqCst);
        }
    }
}

/// Whether each of several forks takes long: a loaded machine delays some forks, but not all.
fn forks_are_delayed() -> bool {
    let is_delayed = |_| {
        let begun = Instant::now();
        fork_once();
        begun.elapsed() >= Duration::from_millis(200)
    };
    (0..5).all(is_delayed)
}

fn a_fork_during_a_call_delays_no_fork_of_the_child() {
    limit_the_time();
    let number: RawFd = CALLED_BY.get_or_init(create).as_raw_fd();
    OWNED.get_or_init(crate::userspace);
    // SAFETY: the handler makes only calls that are allowed in a handler.
    unsafe { libc::signal(libc::SIGUSR1, fork_in_a_handler as *const () as libc::sighandler_t) };
    // SAFETY: the call only returns the thread's own identity.
    let caller = unsafe { libc::pthread_self() } as usize;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                let before = CHILDREN.load(Ordering::SeqCst);
                // SAFETY: the thread lives until this one has ended.
                unsafe { libc::pthread_kill(caller as libc::pthread_t, libc::SIGUSR1) };
                while CHILDREN.load(Ordering::SeqCst) == before {
                    thread::yield_now();
                }
            }
            is_over.store(true, Ordering::Relaxed);
        });
        while !is_over.load(Ordering::Relaxed) {
            // In a child, this finds a timer of another process.
            let _ = RawTimer::find(number);
            if IS_CHILD.load(Ordering::SeqCst) == 1 {
                // SAFETY: the child must not run the parent's exit handlers.
                unsafe { libc::_exit(i32::from(forks_are_delayed())) };
            }
        }
    });
    assert_eq!(DELAYED.load(Ordering::SeqCst), 0, "of {} children", CHILDREN.load(Ordering::SeqCst));
    set(CALLED_BY.get().unwrap(), TimerSpec::after(MS));
    assert_eq!(raw_read(CALLED_BY.get().unwrap()).unwrap(), 1);
}
