//! A registration whose descriptor cannot be deleted from its poller: nothing is lost, and nothing
//! that is still registered is closed.

use crate::setup::{at_least_once, keys, poller};
use crate::support::*;
use polling::{Event, Poller};
use portable_timerfd::{Backend, IntoInnerError, Registered, TimerFd};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    a_source_that_cannot_be_deleted_is_given_back_and_stays_registered,
    a_failed_deletion_can_be_repeated,
    the_error_of_a_failed_deletion_names_its_cause,
    a_failed_deletion_is_an_io_error_and_keeps_the_descriptor_open,
    an_error_that_is_dropped_deletes_and_closes_the_source_if_it_can,
    a_poller_that_refuses_the_deletion_gives_the_source_back,
];

/// A source that cannot be deleted while `hidden`, because it then returns another descriptor.
#[derive(Debug)]
struct Hiding {
    timer: TimerFd,
    other: TimerFd,
    hidden: Arc<AtomicBool>,
}

impl AsFd for Hiding {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let shown = if self.hidden.load(Ordering::Relaxed) { &self.other } else { &self.timer };
        shown.as_fd()
    }
}

/// Registers a source, hides its descriptor, and returns the switch that hides it.
///
/// The switch has a second owner as long as the source exists.
fn hiding(backend: Backend, poller: &Arc<Poller>) -> (Registered<Hiding>, Arc<AtomicBool>) {
    let hidden = Arc::new(AtomicBool::new(false));
    let source = Hiding { timer: open(backend), other: open(backend), hidden: Arc::clone(&hidden) };
    let registered = Registered::new(poller, source, Event::readable(5), at_least_once(poller)).unwrap();
    hidden.store(true, Ordering::Relaxed);
    (registered, hidden)
}

fn exists(hidden: &Arc<AtomicBool>) -> bool {
    Arc::strong_count(hidden) == 2
}

fn a_source_that_cannot_be_deleted_is_given_back_and_stays_registered(backend: Backend) {
    let poller = poller();
    let (registered, hidden) = hiding(backend, &poller);
    let registered = registered.into_inner().unwrap_err().into_registered();
    assert!(exists(&hidden));
    registered.timer.arm_after(ms(1)).unwrap();
    assert_eq!(keys(&poller, None), [5]);
    assert_eq!(registered.timer.read().unwrap(), 1);
}

fn a_failed_deletion_can_be_repeated(backend: Backend) {
    let poller = poller();
    let (mut registered, hidden) = hiding(backend, &poller);
    for _ in 0..3 {
        registered = registered.into_inner().unwrap_err().into_registered();
    }
    hidden.store(false, Ordering::Relaxed);
    let source = registered.into_inner().unwrap();
    assert_eq!(Arc::strong_count(&poller), 1);
    source.timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&source.timer);
    assert!(keys(&poller, Some(Duration::ZERO)).is_empty());
    drop(source);
    assert!(!exists(&hidden));
}

fn the_error_of_a_failed_deletion_names_its_cause(backend: Backend) {
    let poller = poller();
    let error: IntoInnerError<Hiding> = hiding(backend, &poller).0.into_inner().unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "the descriptor cannot be deleted from the poller");
    // `Error::source` returns the cause; the text does not repeat it.
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), ErrorKind::NotFound);
}

fn a_failed_deletion_is_an_io_error_and_keeps_the_descriptor_open(backend: Backend) {
    fn take(registered: Registered<Hiding>) -> io::Result<Hiding> {
        Ok(registered.into_inner()?)
    }
    let poller = poller();
    let (registered, hidden) = hiding(backend, &poller);
    registered.timer.arm_after(ms(1)).unwrap();
    assert_eq!(take(registered).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(exists(&hidden), "it is leaked");
    assert_eq!(keys(&poller, None), [5]);
}

fn an_error_that_is_dropped_deletes_and_closes_the_source_if_it_can(backend: Backend) {
    let poller = poller();
    let (registered, hidden) = hiding(backend, &poller);
    let error = registered.into_inner().unwrap_err();
    hidden.store(false, Ordering::Relaxed);
    drop(error);
    assert!(!exists(&hidden));
    assert_eq!(Arc::strong_count(&poller), 1);
}

/// Replaces the epoll instance, which only some pollers have.
#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
fn a_poller_that_refuses_the_deletion_gives_the_source_back(backend: Backend) {
    use nix::libc::dup2;
    use std::os::fd::AsRawFd;
    let poller = poller();
    let registered = crate::setup::register(backend, &poller, 5, at_least_once(&poller));
    let epoll = poller.as_fd().try_clone_to_owned().unwrap();
    let no_epoll = std::fs::File::open("/dev/null").unwrap();
    // SAFETY: only this test uses this poller, and its number stays in use.
    assert!(unsafe { dup2(no_epoll.as_raw_fd(), poller.as_raw_fd()) } >= 0);
    let error = registered.into_inner().unwrap_err();
    // SAFETY: as above.
    assert!(unsafe { dup2(epoll.as_raw_fd(), poller.as_raw_fd()) } >= 0);
    assert_eq!(error.error().raw_os_error(), Some(nix::libc::EINVAL));
    let registered = error.into_registered();
    registered.arm_after(ms(1)).unwrap();
    assert_eq!(keys(&poller, None), [5]);
    assert_eq!(registered.into_inner().unwrap().read().unwrap(), 1);
}

#[cfg(any(not(target_os = "linux"), portable_timerfd_test_posix))]
fn a_poller_that_refuses_the_deletion_gives_the_source_back(_: Backend) {}
