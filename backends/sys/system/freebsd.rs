//! FreeBSD.

use super::bsd::BSD;
use super::row::System;

// Its other clocks are, so far, one with this: none counts suspends, whatever its name.
pub(crate) const SYSTEM: System = System { monotonic_counts_suspend: Some(false), ..BSD };
