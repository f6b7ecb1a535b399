//! Runs the suites that this file carries, on a system that has no compiler.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const HELP: &str = "\
Runs the suites of portable-timerfd that this file carries.

usage: portable-timerfd-tests [--list] [--suite NAME]... [--folder FOLDER] [ARGUMENTS...]

--list           prints the names of the suites, and of those that this file does not carry
--suite NAME     runs this suite only. The option can be repeated
--folder FOLDER  a folder in which programs may be executed, instead of TMPDIR or /tmp
ARGUMENTS        go to each suite: part of a test's name, --skip PART, --ignored, --test-threads N.
                 Write -- before the first one that begins with a dash

The program writes the suites to a new folder, and removes the folder at the end. If it is stopped by
a signal, the folder stays. Some tests need sh and sleep in PATH. The output is that of `cargo test`,
which `cargo run -p parity-report` reads. The exit status is 0 if all tests pass, 1 if a test fails, 2
if the arguments are wrong or select no test, and 3 if the suites cannot be written or executed.
";

/// The path and the content of each program. The path of a suite is `suites/NAME`.
const CARRIED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The suites that need another program, and that program.
const NOT_CARRIED: &[(&str, &str)] = &[
    ("documentation", "cargo and rustc: they compile the examples of the documentation"),
    ("faults", "strace: it makes system calls fail"),
    ("migration", "cargo: its programs are in the documentation"),
    ("outbox", "cargo: it is a package of its own"),
    ("plugin", "a library that is loaded and unloaded"),
    ("portable-timerfd-c", "a C compiler"),
    ("portable-timerfd-python", "Python"),
    ("sandboxes", "strace: it lists the system calls"),
    ("vm", "a virtual machine, whose clocks may be set"),
];

#[derive(Default)]
struct Options {
    lists: bool,
    suites: Vec<String>,
    folder: Option<PathBuf>,
    arguments: Vec<std::ffi::OsString>,
}

/// Returns `None` after `--help`.
fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options::default();
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(None),
            Long("list") => options.lists = true,
            Long("suite") => options.suites.push(args.value()?.string()?),
            Long("folder") => options.folder = Some(args.value()?.into()),
            Value(value) => options.arguments.push(value),
            other => return Err(other.unexpected()),
        }
    }
    match options.suites.iter().find(|&name| !suites().any(|suite| suite == name)) {
        Some(unknown) => Err(format!("no suite is called {unknown}; --list prints the names").into()),
        None => Ok(Some(options)),
    }
}

/// The names of the suites that this file carries.
fn suites() -> impl Iterator<Item = &'static str> {
    CARRIED.iter().filter_map(|(path, _)| path.strip_prefix("suites/"))
}

fn list() {
    suites().for_each(|suite| println!("{suite}"));
    println!("\nNot carried, because they need something else:");
    for (suite, need) in NOT_CARRIED {
        println!("{suite}: {need}");
    }
}

/// A new folder with the programs, which only this user can open. Dropping it removes it.
struct Folder(PathBuf);

impl Folder {
    fn new(parent: &Path) -> io::Result<Folder> {
        let folder = Folder::empty(parent)?;
        for (name, content) in CARRIED {
            let path = folder.0.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&folder.0))?;
            OpenOptions::new().write(true).create_new(true).mode(0o700).open(path)?.write_all(content)?;
        }
        Ok(folder)
    }

    /// Makes an empty folder. One of this name may be left of an earlier run, because numbers of
    /// processes recur.
    fn empty(parent: &Path) -> io::Result<Folder> {
        let mut attempt = 0;
        loop {
            let path = parent.join(format!("portable-timerfd-tests-{}-{attempt}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Folder(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.0) {
            eprintln!("{}: {e}", self.0.display());
        }
    }
}

/// What the suites have done.
#[derive(Default)]
struct Outcome {
    /// The number of tests that were selected, including ignored ones.
    tests: usize,
    /// The suites in which a test failed.
    failed: Vec<&'static str>,
}

fn run(options: &Options) -> io::Result<Outcome> {
    let parent = options.folder.clone().unwrap_or_else(std::env::temp_dir);
    let parent = parent.canonicalize().map_err(|error| named(error, &parent))?;
    let folder = Folder::new(&parent).map_err(|error| named(error, &parent))?;
    let mut outcome = Outcome::default();
    let is_wanted = |&suite: &&str| options.suites.is_empty() || options.suites.iter().any(|name| name == suite);
    for suite in suites().filter(is_wanted) {
        println!("\n     Running {suite}.rs (carried)");
        let program = folder.0.join("suites").join(suite);
        let mut command = Command::new(&program);
        // Some tests write files to the current folder of the suite.
        command.args(&options.arguments).current_dir(&folder.0);
        let (tests, has_passed) = run_suite(&mut command).map_err(|error| named(error, &program))?;
        outcome.tests += tests;
        outcome.failed.extend((!has_passed).then_some(suite));
    }
    Ok(outcome)
}

/// Adds a path to an error.
fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Runs one suite and prints its output. Returns the number of its tests, and whether they passed.
fn run_suite(command: &mut Command) -> io::Result<(usize, bool)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut tests = 0;
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).split(b'\n')) {
        let line = line?;
        tests += selected_tests(&String::from_utf8_lossy(&line));
        io::stdout().write_all(&line)?;
        io::stdout().write_all(b"\n")?;
    }
    Ok((tests, child.wait()?.success()))
}

/// The number of tests in the summary of a suite: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
/// 0 for every other line.
fn selected_tests(line: &str) -> usize {
    let counts = line.strip_prefix("test result: ").into_iter().flat_map(|counts| counts.split([';', '.']));
    let selected = counts.filter_map(|count| {
        let (number, kind) = count.trim().split_once(' ')?;
        ["passed", "failed", "ignored"].contains(&kind).then(|| number.parse::<usize>().ok())?
    });
    selected.sum()
}

/// Prints a summary, whose beginning the parity report knows, and returns the exit status.
fn summarize(outcome: &io::Result<Outcome>) -> ExitCode {
    match outcome {
        Ok(Outcome { failed, .. }) if !failed.is_empty() => {
            println!("\nTests failed in: {}", failed.join(", "));
            ExitCode::FAILURE
        }
        Ok(Outcome { tests: 0, .. }) => {
            eprintln!("the arguments select no test");
            ExitCode::from(2)
        }
        Ok(Outcome { tests, .. }) => {
            println!("\nAll suites passed: {tests} tests, including ignored ones");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            eprintln!("--folder names another folder, in which programs may be executed");
            ExitCode::from(3)
        }
    }
}

fn main() -> ExitCode {
    match options() {
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Some(_)) if CARRIED.is_empty() => {
            eprintln!("this file carries no suite: ci/test-program builds one that does");
            ExitCode::from(3)
        }
        Ok(Some(options)) if options.lists => {
            list();
            ExitCode::SUCCESS
        }
        Ok(Some(options)) => {
            println!("portable-timerfd-tests of commit {} for {}", env!("CARRIED_COMMIT"), env!("CARRIED_TARGET"));
            summarize(&run(&options))
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_a_suite_gives_the_number_of_selected_tests() {
        let summary =
            "test result: FAILED. 3 passed; 1 failed; 2 ignored; 4 measured; 9 filtered out; finished in 0.1s";
        assert_eq!(selected_tests(summary), 6);
        assert_eq!(selected_tests("test a::b ... ok"), 0);
    }
}
