//! What a bound comes to on this machine, for the report of parity: printed, and kept in the file that `PARITY_BOUNDS` names.

use std::io::Write;
use std::time::Duration;

/// Keeps what a test has measured of a backend. Nothing is asserted: how punctual a thread is lies with the machine.
pub fn keep(backend: &str, test: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    let text = format!("{median:.1?} the median of {}, {longest:.1?} the longest", times.len());
    println!("{backend}: {text}");
    if let Some(file) = std::env::var_os("PARITY_BOUNDS") {
        let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
        // In one write: other tests write there too.
        file.write_all(format!("{backend}\t{test}\t{text}\n").as_bytes()).unwrap();
    }
}
