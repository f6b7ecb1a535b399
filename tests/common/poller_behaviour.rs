//! What a timer can expect from each kind of poller, as far as the kinds differ.
//!
//! The suites take their expectations from here, so they fail where a system behaves otherwise.
//! `docs/pollers.md` shows the same values.
// Each program uses only a part of this.
#![allow(dead_code)]

/// The file that a poller reports after the registered descriptor was closed, while a duplicate of it
/// stays open, and another file got its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterClose {
    OldFile,
    /// The registration ended.
    Nothing,
    NewFile,
}

/// The behaviour of one kind of poller, through `polling` unless a field names another crate.
#[derive(Clone, Copy, Debug)]
pub struct PollerBehaviour {
    pub has_level: bool,
    pub has_edge: bool,
    /// One-shot: an event that is queued is delivered even if the timer was drained since.
    pub reports_a_drained_timer: bool,
    /// Edge-triggered: a read of a part of the message in a timer's pipe causes an event.
    pub short_read_is_an_edge: bool,
    /// `Poller::modify` can change the mode of a registration that still waits for an event.
    pub modify_changes_the_mode: bool,
    /// `Poller::add` refuses a descriptor that was added before.
    pub refuses_a_second_registration: bool,
    /// `Poller::delete` refuses a descriptor that was deleted before.
    pub refuses_a_second_deletion: bool,
    /// mio refuses a descriptor that was registered before. So does tokio, which is built on mio.
    pub mio_refuses_a_second_registration: bool,
    pub after_close: AfterClose,
    /// A forked child can remove a timer from its parent's poller.
    pub is_shared_with_a_child: bool,
}

pub const EPOLL: PollerBehaviour = PollerBehaviour {
    has_level: true,
    has_edge: true,
    reports_a_drained_timer: false,
    short_read_is_an_edge: false,
    modify_changes_the_mode: true,
    refuses_a_second_registration: true,
    refuses_a_second_deletion: true,
    mio_refuses_a_second_registration: true,
    after_close: AfterClose::OldFile,
    is_shared_with_a_child: true,
};

/// The kqueue of FreeBSD, NetBSD and OpenBSD.
///
/// `polling` refuses a second registration itself, by a list of the registered descriptors.
pub const KQUEUE: PollerBehaviour = PollerBehaviour {
    has_level: true,
    has_edge: true,
    reports_a_drained_timer: true,
    short_read_is_an_edge: true,
    modify_changes_the_mode: false,
    refuses_a_second_registration: true,
    refuses_a_second_deletion: true,
    mio_refuses_a_second_registration: false,
    after_close: AfterClose::Nothing,
    is_shared_with_a_child: false,
};

/// The kqueue of macOS, which checks each event again before it delivers the event.
pub const KQUEUE_OF_MACOS: PollerBehaviour = PollerBehaviour { reports_a_drained_timer: false, ..KQUEUE };

/// The event ports of illumos and Solaris. All fields about modes other than one-shot are moot.
pub const EVENT_PORTS: PollerBehaviour = PollerBehaviour {
    has_level: false,
    has_edge: false,
    reports_a_drained_timer: true,
    short_read_is_an_edge: false,
    modify_changes_the_mode: true,
    refuses_a_second_registration: false,
    refuses_a_second_deletion: false,
    mio_refuses_a_second_registration: false,
    after_close: AfterClose::Nothing,
    is_shared_with_a_child: false,
};

/// `poll(2)`, with a list of descriptors in the process.
pub const POLL: PollerBehaviour =
    PollerBehaviour { has_edge: false, after_close: AfterClose::NewFile, is_shared_with_a_child: false, ..EPOLL };

const HAS_KQUEUE: bool =
    cfg!(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd", target_os = "dragonfly"));

const OF_THIS_SYSTEM: PollerBehaviour = if cfg!(any(target_os = "linux", target_os = "android")) {
    EPOLL
} else if cfg!(target_vendor = "apple") {
    KQUEUE_OF_MACOS
} else if HAS_KQUEUE {
    KQUEUE
} else if cfg!(any(target_os = "illumos", target_os = "solaris")) {
    EVENT_PORTS
} else {
    POLL
};

/// The poller of `polling` on this system.
#[allow(unexpected_cfgs)] // a flag of `polling`, which `ci/other-unix` sets
pub const HERE: PollerBehaviour = if cfg!(polling_test_poll_backend) { POLL } else { OF_THIS_SYSTEM };

/// The poller of mio on this system.
pub const IN_MIO: PollerBehaviour = if cfg!(target_os = "illumos") { EPOLL } else { OF_THIS_SYSTEM };
