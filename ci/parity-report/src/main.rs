//! Prints the table of promises × backends with what the tests showed of each, and checks that `docs/parity.md` says no more and no
//! less than that.

mod page;
mod report;
mod results;

use std::io::{self, Write};
use std::process::{Command, ExitCode};

const HELP: &str = "\
parity-report [--bounds FILE] [LOG...]

LOGs hold the output of `cargo test`, and of what else ran tests; FILE what the tests measured (the variable
PARITY_BOUNDS names it to them). Without any, `cargo test` is run.
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
            lexopt::Arg::Long("bounds") => bounds = Some(std::fs::read_to_string(args.value()?)?),
            lexopt::Arg::Value(log) => logs.push(std::fs::read_to_string(log)?),
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(match bounds {
        None if logs.is_empty() => run_tests()?,
        bounds => Inputs { logs, bounds: bounds.unwrap_or_default() },
    }))
}

/// Runs the tests; what they print and what they measure.
fn run_tests() -> io::Result<Inputs> {
    let measured = std::env::temp_dir().join(format!("parity-bounds-{}", std::process::id()));
    let output = Command::new("cargo").args(["test", "--no-fail-fast"]).env("PARITY_BOUNDS", &measured).output()?;
    let log = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
    let bounds = std::fs::read_to_string(&measured).unwrap_or_default();
    let _ = std::fs::remove_file(measured);
    Ok(Inputs { logs: vec![log], bounds })
}

fn main() -> ExitCode {
    let inputs = match inputs() {
        Ok(Some(inputs)) => inputs,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    let page = page::parse(&std::fs::read_to_string("docs/parity.md").expect("it is run in the project's folder"));
    let results = results::Results::parse(&inputs.logs, &inputs.bounds);
    let report = report::Report::new(&page, &results);
    let _ = io::stdout().write_all(report.table.as_bytes());
    for fault in &report.faults {
        eprintln!("docs/parity.md: {fault}");
    }
    ExitCode::from(u8::from(!report.faults.is_empty()))
}
