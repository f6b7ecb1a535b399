// The main loop of wldash: one timer and its input. Before each poll it sets the timer to the time
// of the next redraw.

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use std::os::fd::AsFd;
use std::time::Duration;

pub struct Wakeups {
    timer: TimerFd,
}

impl Wakeups {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Wakeups {
        Wakeups { timer: TimerFd::new().unwrap() }
    }

    /// Waits for input, or for this time; returns whether the time has come.
    pub fn wait(&mut self, input: &impl AsFd, sleep: Option<Duration>) -> bool {
        let mut entries = vec![PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        if let Some(sleep) = sleep {
            self.timer.set_state(TimerState::Oneshot(sleep), SetTimeFlags::Default);
            entries.push(PollFd::new(self.timer.as_fd(), PollFlags::POLLIN));
        }
        poll(&mut entries, PollTimeout::NONE).unwrap();
        let expired = sleep.is_some() && entries[1].any() == Some(true);
        if expired {
            self.timer.read();
        }
        expired
    }
}
