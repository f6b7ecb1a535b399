//! The rows: whose timerfd a program gets, and how.

use crate::build;
use libtest_mimic::Failed;
use std::path::Path;
use std::process::Command;

/// What a program is linked with.
#[derive(Clone, Copy, PartialEq)]
pub enum Link {
    /// The system's header and library.
    System,
    /// Our header and shared library.
    Shared,
    /// Our header and static library.
    Static,
    /// The same, as a shared object that a host loads.
    Plugin,
}

pub struct Row {
    pub name: &'static str,
    pub link: Link,
    /// The library's backend; `None` where there is no library.
    backend: Option<&'static str>,
    /// Whether it is another in how a program comes to the library only.
    pub is_short: bool,
}

pub const ALL: &[Row] = &[
    Row { name: "system", link: Link::System, backend: None, is_short: false },
    Row { name: "kernel", link: Link::Shared, backend: Some("kernel"), is_short: false },
    Row { name: "userspace", link: Link::Shared, backend: Some("userspace"), is_short: false },
    Row { name: "static", link: Link::Static, backend: Some("userspace"), is_short: true },
    Row { name: "preloaded", link: Link::System, backend: Some("userspace"), is_short: true },
];

impl Row {
    /// Whether this system has no timerfd(2), which the row needs.
    pub fn is_missing(&self) -> bool {
        let needs = self.link == Link::System || self.backend == Some("kernel");
        needs && !cfg!(any(target_os = "linux", target_os = "android"))
    }

    /// Whether its timers are the library's and not the kernel's.
    pub fn emulated(&self) -> bool {
        self.backend == Some("userspace")
    }

    /// The command that runs a program on this row.
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
