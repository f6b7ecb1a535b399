//! What the contract promises, each promise a function, run on every backend.
//!
//! A backend that this system lacks shows as ignored. A new backend needs no test edited.

#[path = "../common/mod.rs"]
mod common;
mod counts;
mod descriptor;
mod in_a_loop;
mod settings;
mod sums;
mod support;
mod threads;

use libtest_mimic::{Arguments, Trial};
use portable_timerfd::{backends, Backend, Clock, CreateFlags};
use std::io::ErrorKind;
use std::process::ExitCode;

/// A promise: its name, and what shows it on one backend.
pub type Case = (&'static str, fn(&'static Backend));

/// A list of promises, each named as its function.
#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        pub const CASES: &[$crate::Case] = &[$((stringify!($case), $case)),*];
    };
}

fn main() -> ExitCode {
    let themes = [
        ("settings", settings::CASES),
        ("counts", counts::CASES),
        ("descriptor", descriptor::CASES),
        ("in_a_loop", in_a_loop::CASES),
        ("sums", sums::CASES),
        ("threads", threads::CASES),
    ];
    let mut trials = Vec::new();
    for backend in backends::ALL {
        let missing = matches!(backend.open(Clock::Monotonic, CreateFlags::default()),
            Err(e) if e.kind() == ErrorKind::Unsupported);
        for (theme, cases) in themes {
            for &(name, run) in cases {
                let name = format!("{}::{theme}::{name}", backend.name());
                let trial = Trial::test(name, move || {
                    run(backend);
                    Ok(())
                });
                trials.push(trial.with_ignored_flag(missing));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
