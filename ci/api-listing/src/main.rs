//! Prints every public item of the library, one per line, from rustdoc's JSON.

use std::io::Write;
use std::process::ExitCode;

/// std changes the names and the implementors of these traits from version to version, and users do
/// not write them.
const UNPROMISED: [&str; 4] = ["::Freeze for ", "::UnsafeUnpin for ", "UnwindSafe for ", "::StructuralPartialEq for "];

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: api-listing FILE, where FILE is rustdoc's JSON");
        return ExitCode::from(2);
    };
    match public_api::Builder::from_rustdoc_json(&path).omit_blanket_impls(true).build() {
        Ok(api) => {
            let lines = api.items().map(ToString::to_string);
            let listing: String =
                lines.filter(|line| !UNPROMISED.iter().any(|of| line.contains(of))).map(|line| line + "\n").collect();
            let written = std::io::stdout().write_all(listing.as_bytes());
            ExitCode::from(u8::from(written.is_err()))
        }
        Err(e) => {
            eprintln!("{}: {e}", path.to_string_lossy());
            ExitCode::FAILURE
        }
    }
}
