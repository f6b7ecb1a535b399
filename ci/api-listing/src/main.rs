//! Prints every public item of the library, a line each, from what rustdoc has written of it as JSON.

use std::io::Write;
use std::process::ExitCode;

/// Of these, what std calls them and whom it gives them to changes from version to version, and nobody writes them.
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
