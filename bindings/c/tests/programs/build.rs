//! Builds the library and the programs. Each is built once, at its first use.

use crate::configurations::Link;
use libtest_mimic::Failed;
use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

/// The folder of this crate.
const HERE: &str = env!("CARGO_MANIFEST_DIR");
/// The tests' own folder in cargo's target folder.
const TMP: &str = env!("CARGO_TARGET_TMPDIR");

type Made<T> = Arc<OnceLock<Result<T, String>>>;

/// Runs a command that must succeed. Otherwise its standard error is the error.
fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}\n{errors}", output.status))
    }
}

/// Returns cargo's output folder for these tests, for example `target/debug`.
fn built() -> Result<PathBuf, String> {
    let exe = env::current_exe().map_err(|e| e.to_string())?;
    Ok(exe.ancestors().nth(2).ok_or("no target folder")?.to_owned())
}

/// Builds both kinds of library, with the profile and for the target of these tests.
fn build_library() -> Result<PathBuf, String> {
    const TRIPLE: &str = env!("TARGET_TRIPLE");
    let built = built()?;
    let profile = built.file_name().and_then(|profile| profile.to_str()).ok_or("no profile")?;
    let mut target = built.parent().ok_or("no target folder")?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--package", "portable-timerfd-c"]).current_dir(HERE);
    if target.ends_with(TRIPLE) {
        cargo.args(["--target", TRIPLE]);
        target = target.parent().ok_or("no target folder")?;
    }
    if profile != "debug" {
        cargo.args(["--profile", profile]);
    }
    succeed(cargo.arg("--target-dir").arg(target))?;
    Ok(built)
}

fn library_folder() -> Result<PathBuf, Failed> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    Ok(FOLDER.get_or_init(build_library).clone()?)
}

pub fn shared_library() -> Result<PathBuf, Failed> {
    let name = if cfg!(target_vendor = "apple") { "libportable_timerfd.dylib" } else { "libportable_timerfd.so" };
    Ok(library_folder()?.join(name))
}

/// Returns the compiler command for a source. The default language is C99 or C++11.
fn compiler(source: &str, link: Link, standard: Option<&str>) -> Command {
    let c = source.ends_with(".c") && !standard.is_some_and(|s| s.starts_with("c++"));
    let (variable, usual, language) = if c { ("CC", "cc", "c99") } else { ("CXX", "c++", "c++11") };
    let mut command = Command::new(env::var_os(variable).unwrap_or_else(|| usual.into()));
    command.arg(format!("-std={}", standard.unwrap_or(language)));
    command.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-g", "-pthread"]);
    if !c {
        command.args(["-x", "c++"]);
    }
    if link != Link::System {
        command.arg("-I").arg(Path::new(HERE).join("include"));
    }
    command.arg(Path::new(HERE).join("tests/c").join(source));
    command
}

fn with_static_library<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command.arg(folder.join("libportable_timerfd.a")).args(["-lpthread", "-ldl", "-lm", "-lgcc_s"])
}

fn compile(source: &str, link: Link, to: &Path) -> Result<(), String> {
    let folder = if link == Link::System { PathBuf::new() } else { library_folder().map_err(|e| format!("{e:?}"))? };
    let mut command = compiler(source, link, None);
    // Ends the effect of `-x c++`: the next arguments are libraries.
    command.args(["-x", "none"]);
    match link {
        Link::System => &mut command,
        Link::Shared => command
            .arg("-L")
            .arg(&folder)
            .args(["-lportable_timerfd", "-Wl,-rpath"])
            .arg(format!("-Wl,{}", folder.display())),
        Link::Static => with_static_library(&mut command, &folder),
        Link::Plugin => with_static_library(command.args(["-shared", "-fPIC", "-Wl,-Bsymbolic"]), &folder),
    };
    // Renamed when it is complete, because another process may build the same program.
    let unfinished = to.with_extension(std::process::id().to_string());
    succeed(command.arg("-o").arg(&unfinished))?;
    std::fs::rename(&unfinished, to).map_err(|e| e.to_string())
}

/// Returns the path of the program of a source. Builds it at the first call.
pub fn program(source: &str, link: Link) -> Result<PathBuf, Failed> {
    static MADE: Mutex<Option<HashMap<PathBuf, Made<()>>>> = Mutex::new(None);
    let name = match link {
        Link::System => "system",
        Link::Shared => "shared",
        Link::Static => "static",
        Link::Plugin => "plugin",
    };
    let folder = Path::new(TMP).join("programs").join(name);
    std::fs::create_dir_all(&folder)?;
    let to = folder.join(source.replace('.', "-"));
    let once = {
        let mut made = MADE.lock().unwrap_or_else(|e| e.into_inner());
        made.get_or_insert_with(HashMap::new).entry(to.clone()).or_default().clone()
    };
    once.get_or_init(|| compile(source, link, &to)).clone()?;
    Ok(to)
}

/// Checks that a source compiles in a version of C or C++.
pub fn is_valid(source: &str, link: Link, standard: &str) -> Result<(), Failed> {
    Ok(succeed(compiler(source, link, Some(standard)).arg("-fsyntax-only"))?)
}
