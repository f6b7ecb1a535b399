//! Compiles and runs the programs of docs/migration: each page's programs, before and after, and
//! users of the `timerfd` crate, with their own and with another `use` line.

pub mod users;

#[cfg(all(doctest, target_os = "linux"))]
mod pages {
    #[doc = include_str!("../../../docs/migration/README.md")]
    mod readme {}
    #[doc = include_str!("../../../docs/migration/timerfd.md")]
    mod timerfd {}
    #[doc = include_str!("../../../docs/migration/nix.md")]
    mod nix {}
    #[doc = include_str!("../../../docs/migration/rustix.md")]
    mod rustix {}
    #[doc = include_str!("../../../docs/migration/mio-timerfd.md")]
    mod mio_timerfd {}
    #[doc = include_str!("../../../docs/migration/tokio-timerfd.md")]
    mod tokio_timerfd {}
    #[doc = include_str!("../../../docs/migration/c.md")]
    mod c {}
}
