//! Runs scenarios under a scheduler.

use shuttle::scheduler::Scheduler;
use shuttle::{Config, Runner};

/// Runs a scenario as often as the scheduler decides, each time in an order of its choice.
pub fn run(scheduler: impl Scheduler + 'static, scenario: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 17;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(scenario);
}
