//! Prints the table of promises × backends with what the tests showed of each, and checks that `docs/parity.md` says no more and no
//! less than that.

mod page;
mod report;
mod results;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

const HELP: &str = "\
parity-report                      runs `cargo test`, and reports what it showed
parity-report --bounds FILE LOG...  reports what is in the LOGs instead

LOGs hold what `cargo test 2>&1` printed, and what `ci/vm` did; FILE what the tests measured, to whom the variable
PARITY_BOUNDS names it.
";

struct Inputs {
    logs: Vec<String>,
    bounds: String,
}

fn inputs() -> Result<Option<Inputs>, Box<dyn std::error::Error>> {
    let (mut logs, mut bounds) = (Vec::new(), None);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            lexopt::Arg::Long("bounds") => bounds = Some(text(args.value()?)?),
            lexopt::Arg::Value(log) => logs.push(text(log)?),
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(match bounds {
        None if logs.is_empty() => run_tests()?,
        Some(_) if logs.is_empty() => return Err("what was measured is of no use without the LOGs".into()),
        bounds => Inputs { logs, bounds: bounds.unwrap_or_default() },
    }))
}

fn text(path: OsString) -> Result<String, String> {
    std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.to_string_lossy()))
}

/// Runs the tests; what they print and what they measure.
fn run_tests() -> io::Result<Inputs> {
    let measured = std::env::temp_dir().join(format!("parity-bounds-{}", std::process::id()));
    eprintln!("Running cargo test, for a minute or two");
    // In one stream: cargo's lines tell which suite those of the tests are of.
    let mut tests = Command::new("sh");
    let output = tests
        .args(["-c", "exec cargo test --no-fail-fast --package portable-timerfd --package test-plugin 2>&1"])
        .env("PARITY_BOUNDS", &measured)
        .output()?;
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    let bounds = std::fs::read_to_string(&measured).unwrap_or_default();
    let _ = std::fs::remove_file(measured);
    Ok(Inputs { logs: vec![log], bounds })
}

fn main() -> ExitCode {
    let page = text("docs/parity.md".into());
    let (inputs, page) = match inputs().and_then(|inputs| Ok((inputs, page?))) {
        Ok((Some(inputs), page)) => (inputs, page::parse(&page)),
        Ok((None, _)) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    let results = results::Results::parse(&inputs.logs, &inputs.bounds);
    let report = report::Report::new(&page, &results);
    let _ = io::stdout().write_all(report.table.as_bytes());
    for fault in &report.faults {
        eprintln!("docs/parity.md: {fault}");
    }
    ExitCode::from(u8::from(!report.faults.is_empty()))
}
