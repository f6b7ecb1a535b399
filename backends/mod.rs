//! The backends: implementations of pollable timers, listed best first in [`ALL`].

pub(crate) mod emulation;
pub mod kernel;
pub mod simulated;
pub(crate) mod sys;
pub mod userspace;

use std::error::Error;
use std::fmt;
use std::io;
use std::str::FromStr;

use crate::backend::Backend;

/// The backends of this crate that create timers on real time, best first.
///
/// A backend that this platform does not support returns
/// [`Unsupported`](std::io::ErrorKind::Unsupported) when a program creates a timer.
pub static ALL: &[Backend] = &[kernel::BACKEND, userspace::BACKEND];

/// Parses the name of a backend in [`ALL`].
impl FromStr for Backend {
    type Err = ParseBackendError;

    fn from_str(name: &str) -> Result<Backend, ParseBackendError> {
        ALL.iter().find(|backend| backend.name() == name).copied().ok_or(ParseBackendError(()))
    }
}

/// The error for a name that no backend in [`ALL`] has.
///
/// It converts into an [`io::Error`] of the kind [`InvalidInput`](io::ErrorKind::InvalidInput).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParseBackendError(());

impl fmt::Display for ParseBackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no backend has this name; the names are")?;
        ALL.iter().try_for_each(|backend| write!(f, " {backend}"))
    }
}

impl Error for ParseBackendError {}

impl From<ParseBackendError> for io::Error {
    fn from(error: ParseBackendError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}
