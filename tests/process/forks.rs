//! Forked children, which do not have the timer thread.

use crate::common::{descriptors, until_readable, userspace_builder};
use crate::poller_behaviour::HERE;
use crate::{on_every_backend, userspace, userspace_on};
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, ForkResult};
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Clock, ClockTime, Registered, TimerFd, TimerSpec};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

crate::cases![
    every:
        a_forked_child_and_its_parent_read_from_one_count,
        a_registration_dropped_in_a_child_leaves_a_shared_loop;
    userspace:
        a_forked_child_has_no_timers_of_its_parents_but_makes_its_own,
        a_child_that_outlives_its_parent_reads_the_end_of_the_file,
        forks_during_many_calls_leave_no_lock_held_in_the_child,
        forks_while_threads_start_and_end_leave_no_lock_held_in_the_child;
];

/// Passes `thing` to `body` in a forked child, which returns whether the child's checks passed.
/// Returns `thing` to the parent.
pub fn in_a_child<T>(thing: T, body: impl FnOnce(T) -> bool) -> T {
    // SAFETY: the child only uses what the crate promises to work after a fork, and the C library's
    // allocator, which works too.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let fine = body(thing);
            // SAFETY: the child must not run the parent's exit handlers.
            unsafe { nix::libc::_exit(i32::from(!fine)) }
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
            thing
        }
    }
}

fn a_forked_child_has_no_timers_of_its_parents_but_makes_its_own() {
    let timer = userspace();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    timer.wait(None).unwrap();
    timer.arm_after(Duration::from_secs(3600)).unwrap();
    let refused = |result: std::io::Result<()>| result.unwrap_err().raw_os_error() == Some(nix::libc::ESRCH);
    let timer = in_a_child(timer, |inherited| {
        let mut fine = refused(inherited.arm_after(Duration::ZERO)) && refused(inherited.get().map(drop));
        let before = descriptors().len();
        drop(inherited);
        fine &= descriptors().len() == before - 2;
        let own = userspace();
        own.arm_after(Duration::from_millis(1)).unwrap();
        fine && own.wait(None).unwrap() == 1
    });
    timer.disarm().unwrap();
    timer.arm_after(Duration::from_millis(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

fn a_forked_child_and_its_parent_read_from_one_count() {
    for timer in on_every_backend(true) {
        timer.arm_after(Duration::ZERO).unwrap();
        until_readable(&timer);
        let timer = in_a_child(timer, |timer| timer.read().is_ok_and(|count| count == 1));
        assert!(timer.read().is_err());
        let is_shared = timer.backend().capabilities(timer.clock()).unwrap().process_shared;
        let timer = in_a_child(timer, |timer| timer.arm_after(Duration::from_secs(3600)).is_ok() == is_shared);
        assert_eq!(timer.get().unwrap().is_armed(), is_shared);
    }
}

/// The thread that could write to the pipe ended with the parent, although the child has had both
/// ends of the pipe.
fn a_child_that_outlives_its_parent_reads_the_end_of_the_file() {
    let (report, reporter) = nix::unistd::pipe().unwrap();
    in_a_child((), |()| {
        let timer = userspace_builder(Clock::Monotonic).nonblocking(false).open().unwrap();
        timer.arm_after(Duration::from_secs(3600)).unwrap();
        // SAFETY: as above; the child of this child ends at once.
        if let ForkResult::Child = unsafe { fork() }.unwrap() {
            let found = timer.read().unwrap_err().raw_os_error() == Some(nix::libc::ESRCH);
            nix::unistd::write(&reporter, &[u8::from(found)]).unwrap();
        }
        true
    });
    let mut found = [0];
    nix::unistd::read(&report, &mut found).unwrap();
    assert_eq!(found, [1]);
}

/// A child that waits for a lock that another thread held would wait for ever.
fn forks_during_many_calls_leave_no_lock_held_in_the_child() {
    let (mut shared, done) = (userspace(), AtomicBool::new(false));
    let inherited: *mut TimerFd = &mut shared;
    thread::scope(|scope| {
        // SAFETY: in this process the timer is only lent to the threads while they live.
        let shared = unsafe { &*inherited };
        for _ in 0..3 {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    shared.arm_every(Duration::from_nanos(1)).unwrap();
                    shared.get().unwrap();
                    let own = userspace_on(Clock::Realtime);
                    own.set(&TimerSpec::at(ClockTime::new(Clock::Realtime, Duration::ZERO)).cancel_on_set()).unwrap();
                    own.read().unwrap();
                }
            });
        }
        for _ in 0..200 {
            in_a_child((), |()| {
                let own = userspace();
                own.arm_after(Duration::from_micros(10)).unwrap();
                let fine = own.wait(None).unwrap() == 1 && shared.get().is_err() && shared.disarm().is_err();
                // SAFETY: the threads that borrow the timer are not in the child, which exits
                // without dropping it again.
                unsafe { std::ptr::drop_in_place(inherited) };
                fine
            });
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// A child shares an epoll instance with its parent. It inherits no kqueue, it has its own copy of
/// the list for `poll(2)`, and event ports let only the parent remove the timer.
fn a_registration_dropped_in_a_child_leaves_a_shared_loop() {
    // Event ports have no level-triggered mode. One event is enough here.
    let mode = if HERE.has_level { PollMode::Level } else { PollMode::Oneshot };
    for timer in on_every_backend(true) {
        let poller = Arc::new(Poller::new().unwrap());
        let reported = || {
            let mut events = Events::new();
            poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
            events.len()
        };
        let timer = Registered::new(&poller, timer, Event::readable(1), mode).unwrap();
        timer.arm_after(Duration::ZERO).unwrap();
        until_readable(&*timer);
        let timer = in_a_child(timer, |timer| {
            drop(timer);
            true
        });
        assert_eq!(reported(), usize::from(!HERE.is_shared_with_a_child));
        assert_eq!(timer.read().unwrap(), 1);
    }
}

/// This includes the locks of the standard library, which threads take when they start and end.
fn forks_while_threads_start_and_end_leave_no_lock_held_in_the_child() {
    let parents = userspace();
    parents.arm_after(Duration::from_millis(1)).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let come_and_go = |is_over: Arc<AtomicBool>| {
        while !is_over.load(Ordering::Relaxed) {
            thread::spawn(|| ()).join().unwrap();
        }
    };
    let threads = [(); 3].map(|()| {
        thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || come_and_go(is_over)
        })
    });
    let began = Instant::now();
    // This takes a second or two, except where forks are slow.
    for _ in (0..5000).take_while(|_| began.elapsed() < Duration::from_secs(10)) {
        in_a_child((), |()| {
            // The alarm ends a child that waits for ever.
            nix::unistd::alarm::set(60);
            let own = userspace();
            own.arm_after(Duration::from_micros(10)).unwrap();
            own.wait(None).unwrap() == 1
        });
    }
    is_over.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
