//! Cases × backends, one at a time: they share the machine's clock.

use crate::{adjust, cancel, follow, guest, limits, notice, slumber, suspend, taken_back};
use libtest_mimic::{Arguments, Trial};
use portable_timerfd::{backends, Backend, Clock};
use std::process::ExitCode;

/// A promise: its name, and what shows it on one backend.
pub type Case = (&'static str, fn(&'static Backend));

const THEMES: [(&str, &[Case]); 6] = [
    ("follow", follow::CASES),
    ("taken_back", taken_back::CASES),
    ("cancel", cancel::CASES),
    ("notice", notice::CASES),
    ("adjust", adjust::CASES),
    ("limits", limits::CASES),
];

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
    for backend in backends::ALL {
        for (theme, cases) in THEMES {
            for &(case, run) in cases {
                trials.push(trial(format!("{}::{theme}::{case}", backend.name()), move || run(backend)));
            }
        }
    }
    for clock in [Clock::BoottimeAlarm, Clock::RealtimeAlarm] {
        for backend in backends::ALL {
            for &(case, _) in suspend::CASES {
                let name = format!("{}::suspend::{case}, until {clock:?}", backend.name());
                trials.push(trial(name, move || slumber::look(clock, backend, case)));
            }
        }
    }
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, trials).exit_code()
}
