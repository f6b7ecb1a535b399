//! What the shared library is called by the programs that are linked with it, and that it is never unloaded: its thread would go on.

use std::env;

/// Without a version: what it offers is Linux's, and does not change.
const NAME: &str = "libportable_timerfd";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let arguments = match env::var("CARGO_CFG_TARGET_VENDOR").as_deref() {
        // There is no mark for it there.
        Ok("apple") => vec![format!("-Wl,-install_name,@rpath/{NAME}.dylib")],
        _ => vec![format!("-Wl,-soname,{NAME}.so"), "-Wl,-z,nodelete".to_owned()],
    };
    // For the tests, which build the library themselves.
    println!("cargo:rustc-env=TARGET_TRIPLE={}", env::var("TARGET").unwrap_or_default());
    for argument in arguments {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
}
