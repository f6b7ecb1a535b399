//! The three calls of timerfd, or their absence.

use cfg_if::cfg_if;

// FreeBSD, NetBSD and illumos have calls of these names with other semantics, and not in every release that is in use.
cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        mod native;
        pub(crate) use native::{create, gettime, set, settime};
    } else {
        mod absent;
        pub(crate) use absent::{create, gettime, set, settime};
    }
}
