//! Describes the machine, its kernel, the compiler and the date of the figures.

use std::fs;
use std::process::Command;

/// Returns the description in one line, for the text under a picture.
pub fn described(quick: bool) -> String {
    let mut parts = vec![processor(), format!("{} CPUs", processors())];
    parts.extend(memory());
    if cpuinfo("flags").is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")) {
        parts.push("virtual machine".to_owned());
    }
    let machine = parts.join(", ");
    let mut line = format!("{machine}; {}; {}; {}", kernel(), compiler(), output_of("date", &["-u", "+%F"]));
    if quick {
        line.push_str("; a quick run, for trying only");
    }
    line
}

fn processor() -> String {
    cpuinfo("model name").unwrap_or_else(|| format!("unknown processor ({})", std::env::consts::ARCH))
}

/// Returns the first value of this name in `/proc/cpuinfo`.
fn cpuinfo(name: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes: f64 = text.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok()?;
    Some(format!("{:.1} GiB of memory", kibibytes / f64::from(1 << 20)))
}

fn kernel() -> String {
    nix::sys::utsname::uname().map_or_else(
        |_| "unknown kernel".to_owned(),
        |names| format!("{} {}", names.sysname().to_string_lossy(), names.release().to_string_lossy()),
    )
}

fn compiler() -> String {
    let version = output_of("rustc", &["--version"]);
    version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn output_of(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.ok().filter(|output| output.status.success()).map_or_else(
        || format!("unknown {program}"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
