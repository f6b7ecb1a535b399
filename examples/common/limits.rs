//! The limit of descriptors.

/// Raises the soft limit of descriptors to the hard limit, for a server with thousands of clients.
///
/// If that fails, the soft limit stays. macOS, for example, reports a hard limit that it refuses.
#[cfg(not(any(target_os = "haiku", target_os = "solaris")))]
pub fn raise_descriptor_limit() {
    use nix::sys::resource::{getrlimit, setrlimit, Resource};
    let _ = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
}

/// Does nothing: nix has no call for it there.
#[cfg(any(target_os = "haiku", target_os = "solaris"))]
pub fn raise_descriptor_limit() {}
