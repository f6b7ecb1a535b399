//! What the contract promises, each promise a function, run on every backend. What pollers see is in `tests/pollers`.

mod capabilities;
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;
mod counts;
mod descriptor;
#[path = "../common/rows.rs"]
mod rows;
mod settings;
mod sums;
#[path = "../common/support.rs"]
mod support;
mod threads;

use rows::Case;
use std::process::ExitCode;

fn main() -> ExitCode {
    let themes = [
        ("capabilities", capabilities::CASES),
        ("settings", settings::CASES),
        ("counts", counts::CASES),
        ("descriptor", descriptor::CASES),
        ("sums", sums::CASES),
        ("threads", threads::CASES),
    ];
    rows::run(&themes, &[])
}
