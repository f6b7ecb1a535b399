//! Runs scenarios under a scheduler.

use shuttle::scheduler::Scheduler;
use shuttle::{Config, Runner};
use std::time::Duration;

/// Runs a scenario as often as the scheduler decides, each time in an order of its choice.
pub fn run(scheduler: impl Scheduler + 'static, scenario: impl Fn() + Send + Sync + 'static) {
    run_within(None, scheduler, scenario);
}

/// Like [`run`], but begins no other run after this time.
pub fn run_within(
    limit: Option<Duration>,
    scheduler: impl Scheduler + 'static,
    scenario: impl Fn() + Send + Sync + 'static,
) {
    let mut config = Config::new();
    config.stack_size = 1 << 17;
    config.silence_warnings = true;
    config.max_time = limit;
    Runner::new(scheduler, config).run(scenario);
}
