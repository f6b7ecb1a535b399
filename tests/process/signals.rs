//! Signals: blocked readers, a stopped process, broken pipes.

use crate::common::{assert_counts_by_the_clock, raw_read};
use crate::on_every_backend;
use nix::sys::signal::{kill, sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};
use nix::unistd::Pid;
use portable_timerfd::{Clock, TimerFd, TimerSpec};
use std::io;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

crate::cases![
    every:
        a_handler_interrupts_a_blocking_read,
        a_restarting_handler_does_not_interrupt_a_blocking_read,
        wait_survives_signals,
        a_stopped_process_keeps_its_schedule,
        no_sigpipe_is_ever_raised;
];

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn handler(_: i32) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

fn handle(signal: Signal, handler: SigHandler, flags: SaFlags) {
    // SAFETY: the handler, if there is one, only adds to an atomic.
    unsafe { sigaction(signal, &SigAction::new(handler, flags, SigSet::empty())) }.unwrap();
}

/// Two ways to read the count of a timer.
type Read = fn(&TimerFd) -> io::Result<u64>;
const READS: [Read; 2] = [|timer| timer.read(), raw_read];

/// Reads in a thread while signals arrive. The timer is in blocking mode and due in an hour. Only
/// this thread takes the signals. After twenty of them, the timer is armed again.
fn read_under_signals(timer: &TimerFd, read: Read) -> io::Result<u64> {
    HANDLED.store(0, Ordering::SeqCst);
    timer.arm_after(Duration::from_secs(3600)).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            SigSet::from(Signal::SIGUSR1).thread_unblock().unwrap();
            read(timer)
        });
        while !reader.is_finished() {
            if HANDLED.load(Ordering::SeqCst) >= 20 {
                timer.arm_after(Duration::from_millis(1)).unwrap();
                break;
            }
            kill(Pid::this(), Signal::SIGUSR1).unwrap();
            thread::sleep(Duration::from_millis(1));
        }
        reader.join().unwrap()
    })
}

/// Handles the signal in threads that unblock it.
fn prepare(flags: SaFlags) {
    SigSet::from(Signal::SIGUSR1).thread_block().unwrap();
    handle(Signal::SIGUSR1, SigHandler::Handler(handler), flags);
}

fn a_handler_interrupts_a_blocking_read() {
    prepare(SaFlags::empty());
    for timer in on_every_backend(false) {
        for read in READS {
            // Signals before the read interrupt nothing, so a run may reach the twentieth signal.
            let interrupted = (0..100).map(|_| read_under_signals(&timer, read)).find_map(Result::err).unwrap();
            assert_eq!(interrupted.raw_os_error(), Some(nix::libc::EINTR));
        }
    }
}

fn a_restarting_handler_does_not_interrupt_a_blocking_read() {
    prepare(SaFlags::SA_RESTART);
    for timer in on_every_backend(false) {
        for read in READS {
            assert_eq!(read_under_signals(&timer, read).unwrap(), 1);
        }
    }
}

fn wait_survives_signals() {
    prepare(SaFlags::empty());
    for timer in on_every_backend(false) {
        assert_eq!(read_under_signals(&timer, |timer| timer.wait(None)).unwrap(), 1);
    }
}

fn a_stopped_process_keeps_its_schedule() {
    let interval = Duration::from_millis(20);
    for timer in on_every_backend(true) {
        let first = Clock::Monotonic.now().unwrap() + interval;
        timer.set(&TimerSpec::at(first).every(interval)).unwrap();
        let me = Pid::this();
        let stop = format!("kill -STOP {me}; sleep 0.2; kill -CONT {me}");
        assert!(Command::new("sh").args(["-c", &stop]).status().unwrap().success());
        let count = assert_counts_by_the_clock(Clock::Monotonic, first, interval, || timer.wait(None).unwrap());
        assert!(count >= 9);
    }
}

fn no_sigpipe_is_ever_raised() {
    // The signal would end this process.
    handle(Signal::SIGPIPE, SigHandler::SigDfl, SaFlags::empty());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (round, timer) in
                    (0..2_000).flat_map(|round| on_every_backend(true).map(move |timer| (round, timer)))
                {
                    let duplicate = timer.as_fd().try_clone_to_owned().unwrap();
                    timer.arm_every(Duration::from_micros(1 + round % 40)).unwrap();
                    drop((round % 2 == 0).then_some(duplicate));
                    timer.arm_after(Duration::ZERO).unwrap();
                }
            });
        }
    });
}
