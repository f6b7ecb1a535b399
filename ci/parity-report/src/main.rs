//! Prints the tables of `docs/parity.md` with the results of the tests, and checks that the page
//! and the tests agree.

mod list;
mod page;
mod progress;
mod report;
mod results;
mod sources;

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const HELP: &str = "\
parity-report                      runs `cargo test`, and reports its results. Shows the progress
parity-report --bounds FILE LOG...  reports the results in the LOGs instead
parity-report --also NAME=FILE      adds a column with the results in FILE. Can be repeated
parity-report --write              writes docs/parity-tests.md from docs/parity-tests.txt
parity-report --check              checks without tests: rows, names of tests, and the written page

LOGs hold the output of `cargo test 2>&1` and of `ci/vm`. FILE holds the measured bounds: the tests
write them to the file that the variable PARITY_BOUNDS names. The FILE of --also holds the output of
the program that `ci/test-program` builds, from any system.
";

const PAGE: &str = "docs/parity.md";
const LIST: &str = "docs/parity-tests.txt";
const TESTS_PAGE: &str = "docs/parity-tests.md";

type Error = Box<dyn std::error::Error>;

enum Task {
    Help,
    Report(Inputs),
    Write,
    Check,
}

#[derive(Default)]
struct Inputs {
    logs: Vec<String>,
    bounds: String,
    /// The name and the log of each further column.
    also: Vec<(String, String)>,
}

fn task() -> Result<Task, Error> {
    let (mut logs, mut bounds, mut also) = (Vec::new(), None, Vec::new());
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            lexopt::Arg::Long("bounds") => bounds = Some(text(args.value()?)?),
            lexopt::Arg::Long("also") => {
                let value = args.value()?;
                let value = value.to_str().and_then(|value| value.split_once('='));
                let (name, file) = value.ok_or("--also needs NAME=FILE")?;
                // A serial console may add bytes that are not UTF-8.
                let log = std::fs::read(file).map_err(|e| format!("{file}: {e}"))?;
                let log = String::from_utf8_lossy(&log).into_owned();
                if !results::is_whole(&log) {
                    return Err(format!("{file} is not the whole output of the test program").into());
                }
                also.push((name.to_owned(), log));
            }
            lexopt::Arg::Value(log) => logs.push(text(log)?),
            lexopt::Arg::Long("write") => return Ok(Task::Write),
            lexopt::Arg::Long("check") => return Ok(Task::Check),
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(Task::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let inputs = match bounds {
        None if logs.is_empty() => run_tests()?,
        Some(_) if logs.is_empty() => return Err("--bounds needs the LOGs of the same run".into()),
        bounds => Inputs { logs, bounds: bounds.unwrap_or_default(), ..Inputs::default() },
    };
    Ok(Task::Report(Inputs { also, ..inputs }))
}

fn text(path: OsString) -> Result<String, String> {
    std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.to_string_lossy()))
}

/// Runs the tests, and returns their output and the bounds that they have measured.
fn run_tests() -> io::Result<Inputs> {
    let measured = std::env::temp_dir().join(format!("parity-bounds-{}", std::process::id()));
    // Both streams go into one pipe: cargo's lines on stderr name the suite of the tests on stdout.
    let mut tests = Command::new("sh");
    tests.args(["-c", "exec cargo test --no-fail-fast 2>&1"]).env("PARITY_BOUNDS", &measured);
    let log = log_of(tests)?;
    let bounds = std::fs::read_to_string(&measured).unwrap_or_default();
    let _ = std::fs::remove_file(measured);
    Ok(Inputs { logs: vec![log], bounds, ..Inputs::default() })
}

/// Runs this command, shows its progress, and returns its output.
fn log_of(mut tests: Command) -> io::Result<String> {
    let begun = Instant::now();
    let mut child = tests.stdout(Stdio::piped()).spawn()?;
    let mut output = BufReader::new(child.stdout.take().expect("the output is a pipe"));
    let (mut log, mut progress) = (String::new(), progress::Progress::default());
    let mut bytes = Vec::new();
    while output.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        if let Some(text) = progress.after(line.trim_end()) {
            eprintln!("[{:3} s] {text}", begun.elapsed().as_secs());
        }
        log.push_str(&line);
        bytes.clear();
    }
    child.wait()?;
    Ok(log)
}

/// Performs the task, and returns whether it has found no fault.
fn perform(task: &Task) -> Result<bool, Error> {
    if let Task::Help = task {
        print!("{HELP}");
        return Ok(true);
    }
    let mut promises = page::parse(&text(PAGE.into())?);
    let entries = list::parse(&text(LIST.into())?)?;
    let mut faults = list::assign(&entries, &mut promises);
    let Task::Report(inputs) = task else {
        faults.extend(check_list(&entries, matches!(task, Task::Write))?);
        print_faults(&faults);
        return Ok(faults.is_empty());
    };
    let results = results::Results::parse(&inputs.logs, &inputs.bounds);
    let also = inputs.also.iter().map(|(name, log)| (name.as_str(), results::Results::parse(&[log], "")));
    let mut report = report::Report::new(&promises, &results, &also.collect::<Vec<_>>());
    io::stdout().write_all(report.table.as_bytes())?;
    report.faults.extend(faults);
    print_faults(&report.faults);
    writeln!(io::stdout(), "\n{}", report.summary())?;
    Ok(report.faults.is_empty())
}

/// Compares the list of tests with the files and with the written page, or writes that page.
fn check_list(entries: &[list::Entry], writes: bool) -> Result<Vec<String>, Error> {
    let files = sources::test_files(Path::new("."))?;
    let mut faults = list::missing(entries, &files);
    let tests_page = list::page(entries, &files);
    if writes {
        std::fs::write(TESTS_PAGE, tests_page)?;
    } else if text(TESTS_PAGE.into())? != tests_page {
        faults.push(format!("{TESTS_PAGE} is out of date: run `cargo run -p parity-report -- --write`"));
    }
    Ok(faults)
}

fn print_faults(faults: &[String]) {
    for fault in faults {
        eprintln!("{PAGE}: {fault}");
    }
}

fn main() -> ExitCode {
    match task().and_then(|task| perform(&task)) {
        Ok(is_right) => ExitCode::from(u8::from(!is_right)),
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}
