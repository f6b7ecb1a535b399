//! C's `struct itimerspec`, as this system lays out times, to and from that of the Rust library.

use libc::timespec;
use timers::{Initial, Itimerspec as Wide, TimerSpec, Timespec};

/// `struct itimerspec`, also where the system has none.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Itimerspec {
    it_interval: timespec,
    it_value: timespec,
}

impl Itimerspec {
    /// The same in this system's numbers. `None` if it has too many seconds for them.
    pub fn new(wide: &Wide) -> Option<Itimerspec> {
        let narrowed = saturating(wide);
        (narrowed.widen() == *wide).then_some(narrowed)
    }

    /// The same in numbers that are large enough everywhere.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // the fields' types are not the same everywhere
    #[must_use]
    pub fn widen(&self) -> Wide {
        let time = |time: timespec| Timespec { tv_sec: i64::from(time.tv_sec), tv_nsec: i64::from(time.tv_nsec) };
        Wide { it_interval: time(self.it_interval), it_value: time(self.it_value) }
    }

    /// What was left of a setting, which is always relative: seconds that don't fit are the most that do.
    pub(crate) fn of(left: &TimerSpec) -> Itimerspec {
        // Zero is "none" here, and what is left of an armed timer never is zero.
        debug_assert!(!matches!(left.initial(), Initial::At(_)));
        let (_, wide) = left.to_itimerspec();
        saturating(&wide)
    }
}

impl Default for Itimerspec {
    /// Disarmed.
    fn default() -> Itimerspec {
        saturating(&Wide::default())
    }
}

/// Too many seconds become the most that fit.
fn saturating(wide: &Wide) -> Itimerspec {
    Itimerspec { it_interval: narrow(wide.it_interval), it_value: narrow(wide.it_value) }
}

#[allow(clippy::useless_conversion)] // as above
fn narrow(time: Timespec) -> timespec {
    // SAFETY: a `timespec` is numbers, which may all be zero. (Some systems' have fields that are nobody's.)
    let mut narrow: timespec = unsafe { std::mem::zeroed() };
    narrow.tv_sec = most(time.tv_sec);
    narrow.tv_nsec = time.tv_nsec.try_into().unwrap_or(0);
    narrow
}

/// The number, or the most that 32 bits hold if it is too much for the type.
fn most<T: TryFrom<i64> + From<i32>>(number: i64) -> T {
    T::try_from(number).unwrap_or_else(|_| T::from(i32::MAX))
}
