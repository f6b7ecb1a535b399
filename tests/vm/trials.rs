//! Runs the cases on each backend, one at a time, because they share the machine's clock. The
//! simulated backend has its own machine, on every system.

use crate::test_backend::{Case, TestBackend};
use crate::{adjust, aligned, blocked, cancel, follow, guest, limits, rollback, suspend, suspended};
use libtest_mimic::{Arguments, Trial};
use portable_timerfd::{backends, Clock};
use std::process::ExitCode;

/// The cases that a simulated clock supports too.
const SIMULATED: [(&str, &[Case]); 4] =
    [("follow", follow::CASES), ("rollback", rollback::CASES), ("cancel", cancel::CASES), ("blocked", blocked::CASES)];

/// The cases that need the machine's clock and system.
const OF_THE_MACHINE: [(&str, &[Case]); 3] =
    [("adjust", adjust::CASES), ("aligned", aligned::CASES), ("limits", limits::CASES)];

fn trial(name: String, run: impl FnOnce() + Send + 'static) -> Trial {
    if !guest::is_throw_away() {
        let refuse = || Err("this case changes the whole machine: `ci/vm` runs it in one that is thrown away".into());
        return Trial::test(name, refuse).with_kind("ci/vm").with_ignored_flag(true);
    }
    Trial::test(name, move || {
        run();
        Ok(())
    })
}

pub fn run() -> ExitCode {
    let mut trials = Vec::new();
    for &backend in backends::ALL {
        for (theme, cases) in SIMULATED.into_iter().chain(OF_THE_MACHINE) {
            for &(case, run) in cases {
                trials.push(trial(format!("{}::{theme}::{case}", backend.name()), move || {
                    run(&TestBackend::real(backend))
                }));
            }
        }
    }
    for clock in [Clock::BoottimeAlarm, Clock::RealtimeAlarm] {
        for &backend in backends::ALL {
            for &(case, _) in suspend::CASES {
                let name = format!("{}::suspend::{case}, until {clock:?}", backend.name());
                trials.push(trial(name, move || suspended::check_after_sleep(clock, backend, case)));
            }
        }
    }
    trials.extend(simulated());
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn simulated() -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name, run: Box<dyn FnOnce() + Send>| {
        trials.push(Trial::test(name, || {
            run();
            Ok(())
        }));
    };
    for (theme, cases) in SIMULATED {
        for &(case, run) in cases {
            add(format!("simulated::{theme}::{case}"), Box::new(move || run(&TestBackend::simulated())));
        }
    }
    for clock in [Clock::BoottimeAlarm, Clock::RealtimeAlarm] {
        for &(case, prepare) in suspend::CASES {
            let name = format!("simulated::suspend::{case}, until {clock:?}");
            add(name, Box::new(move || suspended::check_simulated(clock, prepare)));
        }
    }
    trials
}
