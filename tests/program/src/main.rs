//! Runs the suites that this file carries, on a system that has no compiler.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const HELP: &str = "\
Runs the suites of portable-timerfd that this file carries.

usage: portable-timerfd-tests [--list] [--suite NAME]... [--folder FOLDER] [ARGUMENTS...]

--list           prints the names of the suites, and of those that this file does not carry
--suite NAME     runs this suite only. The option can be repeated
--folder FOLDER  a folder in which programs may be executed, instead of TMPDIR or /tmp
ARGUMENTS        go to each suite: part of a test's name, --skip PART, --ignored, --test-threads N.
                 Write -- before the first one that begins with a dash

The program writes the suites to a new folder, and removes the folder at the end. Some tests need sh
and sleep in PATH. The output is that
of `cargo test`, which `cargo run -p parity-report` reads. The exit status is 0 if all tests pass, 1
if a test fails, 2 if the arguments are wrong, and 3 if the suites cannot be written or executed.
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
        let path = parent.join(format!("portable-timerfd-tests-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        let folder = Folder(path);
        for (name, content) in CARRIED {
            let path = folder.0.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&folder.0))?;
            OpenOptions::new().write(true).create_new(true).mode(0o700).open(path)?.write_all(content)?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.0) {
            eprintln!("{}: {e}", self.0.display());
        }
    }
}

/// Runs the suites. Returns the names of those in which a test failed.
fn run(options: &Options) -> io::Result<Vec<&'static str>> {
    let parent = options.folder.clone().unwrap_or_else(std::env::temp_dir);
    let named = |error: io::Error, path: &Path| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let parent = parent.canonicalize().map_err(|error| named(error, &parent))?;
    let folder = Folder::new(&parent).map_err(|error| named(error, &parent))?;
    let mut failed = Vec::new();
    for suite in suites().filter(|&suite| options.suites.is_empty() || options.suites.iter().any(|name| name == suite))
    {
        println!("\n     Running {suite}.rs (carried)");
        io::stdout().flush()?;
        let program = folder.0.join("suites").join(suite);
        // Some tests write files to the current folder of the suite.
        let status = Command::new(&program).args(&options.arguments).current_dir(&folder.0).status();
        if !status.map_err(|error| named(error, &program))?.success() {
            failed.push(suite);
        }
    }
    Ok(failed)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    if CARRIED.is_empty() {
        eprintln!("this file carries no suite: ci/test-program builds one that does");
        return ExitCode::from(3);
    }
    if options.lists {
        list();
        return ExitCode::SUCCESS;
    }
    println!("portable-timerfd-tests {} for {}", env!("CARGO_PKG_VERSION"), env!("CARRIED_TARGET"));
    match run(&options) {
        Ok(failed) if failed.is_empty() => {
            println!("\nAll tests of all suites passed");
            ExitCode::SUCCESS
        }
        Ok(failed) => {
            println!("\nTests failed in: {}", failed.join(", "));
            ExitCode::FAILURE
        }
        Err(e) => {
            eprintln!("{e}");
            if e.kind() == io::ErrorKind::PermissionDenied {
                eprintln!("--folder names a folder in which programs may be executed");
            }
            ExitCode::from(3)
        }
    }
}
