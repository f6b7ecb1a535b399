//! OpenBSD.

use super::bsd::BSD;
use super::row::System;

pub(crate) const SYSTEM: System =
    System { monotonic_counts_suspend: Some(false), boottime: Some(libc::CLOCK_BOOTTIME), ..BSD };
