//! A model of `fs/timerfd.c` in Linux: one timer on one clock, whose time is an argument.

use nix::libc::{EAGAIN, ECANCELED};

/// `KTIME_MAX`: the end of the scale, which is never reached.
const NEVER: u64 = i64::MAX as u64;

/// A setting, by the clock that it runs on.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub first: Option<u64>,
    pub interval: u64,
    pub might_cancel: bool,
}

/// A `struct timerfd_ctx` and its `hrtimer`.
#[derive(Clone, Debug, Default)]
pub struct Timerfd {
    expires: u64,
    interval: u64,
    ticks: u64,
    expired: bool,
    is_queued: bool,
    might_cancel: bool,
    is_canceled: bool,
}

impl Timerfd {
    /// `timerfd_tmrproc`, called after every change of the clock.
    pub fn fire(&mut self, now: u64) {
        if self.is_queued && now >= self.expires {
            self.is_queued = false;
            self.expired = true;
            self.ticks += 1;
        }
    }

    /// `timerfd_clock_was_set`.
    pub fn clock_was_set(&mut self, now: u64) {
        if self.might_cancel {
            self.is_canceled = true;
            self.ticks += 1;
        }
        self.fire(now);
    }

    /// `hrtimer_forward_now` and `hrtimer_restart`, which several calls use.
    fn rearm(&mut self, now: u64) {
        if self.expired && self.interval > 0 {
            let periods = match now.checked_sub(self.expires) {
                Some(late) => late / self.interval + 1,
                None => 0,
            };
            self.expires = (self.expires + periods * self.interval).min(NEVER);
            self.ticks = self.ticks.wrapping_add(periods).wrapping_sub(1);
            self.expired = false;
            self.is_queued = true;
        }
    }

    fn left(&self, now: u64) -> Option<u64> {
        self.is_queued.then(|| self.expires.saturating_sub(now))
    }

    /// `do_timerfd_gettime`: returns the remaining time.
    pub fn gettime(&mut self, now: u64) -> Option<u64> {
        self.rearm(now);
        self.left(now)
    }

    /// `timerfd_read_iter`.
    pub fn read(&mut self, now: u64) -> Result<u64, i32> {
        if std::mem::take(&mut self.is_canceled) {
            self.ticks = 0;
            self.expired = false;
            return Err(ECANCELED);
        }
        if self.ticks > 0 {
            self.rearm(now);
            self.expired = false;
        }
        match std::mem::take(&mut self.ticks) {
            0 => Err(EAGAIN),
            ticks => Ok(ticks),
        }
    }

    /// `do_timerfd_settime`: returns the old remaining time. Unlike Linux, and as the contract
    /// says, a setting without `cancel_on_set` forgets an unreported clock step.
    pub fn settime(&mut self, new: Setting, now_of_old: u64, now: u64) -> Result<Option<u64>, i32> {
        self.rearm(now_of_old);
        let old = self.left(now_of_old);
        let is_canceled = self.is_canceled && new.might_cancel && new.first.is_some();
        self.is_canceled &= new.might_cancel && !is_canceled;
        self.might_cancel = new.might_cancel;
        (self.ticks, self.expired) = (0, false);
        (self.expires, self.interval) = (new.first.unwrap_or(0).min(NEVER), new.interval);
        self.is_queued = new.first.is_some();
        self.fire(now);
        if is_canceled {
            Err(ECANCELED)
        } else {
            Ok(old)
        }
    }

    /// `timerfd_poll`.
    pub fn is_readable(&self) -> bool {
        self.ticks > 0
    }

    /// Whether a clock step is unreported.
    pub fn is_canceled(&self) -> bool {
        self.is_canceled
    }
}
