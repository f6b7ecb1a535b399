//! Records a measured bound for the parity report: prints it, and appends it to the file that
//! `PARITY_BOUNDS` names.

use std::io::Write;
use std::time::Duration;

/// Records what a test has measured on a backend. Asserts nothing, because a latency depends on the
/// machine.
pub fn record(backend: &str, test: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    let text = format!("{median:.1?} the median of {}, {longest:.1?} the longest", times.len());
    println!("{backend}: {text}");
    if let Some(file) = std::env::var_os("PARITY_BOUNDS") {
        let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
        // Uses one write, because other tests write to the file too.
        file.write_all(format!("{backend}\t{test}\t{text}\n").as_bytes()).unwrap();
    }
}
