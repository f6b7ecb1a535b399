//! The configurations: the timerfd that a program uses, and how the program is linked with it.

use crate::build;
use libtest_mimic::Failed;
use std::path::Path;
use std::process::Command;

/// The library that a program is linked with.
#[derive(Clone, Copy, PartialEq)]
pub enum Link {
    /// The system's header and library.
    System,
    /// Our header and shared library.
    Shared,
    /// Our header and static library.
    Static,
    /// Our header and static library, in a shared object that a host loads.
    Plugin,
}

pub struct Configuration {
    pub name: &'static str,
    pub link: Link,
    /// The backend of the library, or `None` without the library.
    backend: Option<&'static str>,
    /// Whether it differs from another configuration only in how a program is linked.
    pub is_short: bool,
}

pub const ALL: &[Configuration] = &[
    Configuration { name: "system", link: Link::System, backend: None, is_short: false },
    Configuration { name: "kernel", link: Link::Shared, backend: Some("kernel"), is_short: false },
    Configuration { name: "userspace", link: Link::Shared, backend: Some("userspace"), is_short: false },
    Configuration { name: "static", link: Link::Static, backend: Some("userspace"), is_short: true },
    Configuration { name: "preloaded", link: Link::System, backend: Some("userspace"), is_short: true },
];

impl Configuration {
    /// Returns whether the configuration needs timerfd(2) and the system lacks it.
    pub fn is_missing(&self) -> bool {
        let needs = self.link == Link::System || self.backend == Some("kernel");
        needs && !cfg!(any(target_os = "linux", target_os = "android"))
    }

    /// Returns whether the timers are emulated.
    pub fn emulated(&self) -> bool {
        self.backend == Some("userspace")
    }

    /// Returns the command that runs a program in this configuration.
    pub fn command(&self, program: &Path) -> Result<Command, Failed> {
        let mut command = Command::new(program);
        command.env_remove("PORTABLE_TIMERFD_BACKEND");
        if let Some(backend) = self.backend {
            command.env("PORTABLE_TIMERFD_BACKEND", backend);
            if self.link == Link::System {
                command.env("LD_PRELOAD", build::shared_library()?);
            }
        }
        Ok(command)
    }
}
