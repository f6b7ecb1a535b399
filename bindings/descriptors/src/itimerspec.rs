//! C's `struct itimerspec` on this system, and conversions from and to that of the Rust library.

use libc::timespec;
use timers::bindings::{Itimerspec as Wide, Timespec};
use timers::{Initial, TimerSpec};

/// `struct itimerspec`, also on systems that lack it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Itimerspec {
    it_interval: timespec,
    it_value: timespec,
}

impl Itimerspec {
    /// Converts from the wide type, or returns `None` if the seconds do not fit.
    pub fn new(wide: &Wide) -> Option<Itimerspec> {
        let narrowed = saturating(wide);
        (narrowed.widen() == *wide).then_some(narrowed)
    }

    /// Converts to the wide type, which has 64-bit fields on all systems.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // the types of the fields differ between platforms
    #[must_use]
    pub fn widen(&self) -> Wide {
        let time = |time: timespec| Timespec { tv_sec: i64::from(time.tv_sec), tv_nsec: i64::from(time.tv_nsec) };
        Wide { it_interval: time(self.it_interval), it_value: time(self.it_value) }
    }

    /// Converts a remaining time, which is always relative. Seconds that do not fit saturate.
    pub(crate) fn of(left: &TimerSpec) -> Itimerspec {
        // Zero means disarmed, and the remaining time of an armed timer is never zero.
        debug_assert!(!matches!(left.initial(), Initial::At(_)));
        let (_, wide) = Wide::from_spec(left);
        saturating(&wide)
    }
}

impl Default for Itimerspec {
    /// Disarmed.
    fn default() -> Itimerspec {
        saturating(&Wide::default())
    }
}

/// Converts from the wide type. Seconds that do not fit become the largest number that fits.
fn saturating(wide: &Wide) -> Itimerspec {
    Itimerspec { it_interval: narrow(wide.it_interval), it_value: narrow(wide.it_value) }
}

#[allow(clippy::useless_conversion)] // as above
fn narrow(time: Timespec) -> timespec {
    // Some systems have padding fields here, so a literal is not possible.
    // SAFETY: all fields of a `timespec` are numbers, for which zero is valid.
    let mut narrow: timespec = unsafe { std::mem::zeroed() };
    let (seconds, nanoseconds) = time.saturating();
    narrow.tv_sec = seconds;
    narrow.tv_nsec = nanoseconds.try_into().unwrap_or(0);
    narrow
}
