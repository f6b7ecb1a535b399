// Firecracker's balloon and metrics: timers that are set, disarmed, and read only to clear them.

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

/// Asks the guest for statistics in each interval.
pub struct Balloon {
    stats_timer: TimerFd,
    interval: Duration,
    pub asked: u32,
}

impl Balloon {
    pub fn new(interval: Duration) -> Balloon {
        let stats_timer =
            TimerFd::new_custom(ClockId::Monotonic, true, true).expect("a timer for statistics can be made");
        let mut balloon = Balloon { stats_timer, interval, asked: 0 };
        balloon.update_interval(interval);
        balloon
    }

    pub fn is_asking(&self) -> bool {
        !self.interval.is_zero()
    }

    /// Stops asking if the interval is zero.
    pub fn update_interval(&mut self, interval: Duration) {
        self.interval = interval;
        let state =
            if self.is_asking() { TimerState::Periodic { current: interval, interval } } else { TimerState::Disarmed };
        self.stats_timer.set_state(state, SetTimeFlags::Default);
    }

    /// Handles pending events; returns whether there were any.
    pub fn handle_events(&mut self) -> bool {
        let mut entries = [PollFd::new(self.stats_timer.as_fd(), PollFlags::POLLIN)];
        poll(&mut entries, PollTimeout::ZERO).expect("it can be polled");
        let expired = entries[0].any() == Some(true);
        if expired {
            self.stats_timer.read();
            self.asked += 1;
        }
        expired
    }
}

impl AsRawFd for Balloon {
    fn as_raw_fd(&self) -> RawFd {
        self.stats_timer.as_raw_fd()
    }
}

/// Writes metrics in each period.
pub struct PeriodicMetrics {
    write_metrics_event_fd: TimerFd,
    pub written: u32,
}

impl PeriodicMetrics {
    pub fn start(period: Duration) -> PeriodicMetrics {
        let mut write_metrics_event_fd =
            TimerFd::new_custom(ClockId::Monotonic, false, true).expect("a timer for metrics can be made");
        let state = TimerState::Periodic { current: period, interval: period };
        write_metrics_event_fd.set_state(state, SetTimeFlags::Default);
        PeriodicMetrics { write_metrics_event_fd, written: 0 }
    }

    pub fn handle_event(&mut self) {
        self.write_metrics_event_fd.read();
        self.written += 1;
    }
}
