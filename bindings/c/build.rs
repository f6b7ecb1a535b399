//! Sets the name that programs record for the shared library, and prevents its unloading.
//!
//! The timer thread runs code of the library, so it must stay loaded.

use std::env;

/// Has no version, because the interface is that of Linux and does not change.
const NAME: &str = "libportable_timerfd";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let arguments = match env::var("CARGO_CFG_TARGET_VENDOR").as_deref() {
        // The linker of Apple systems has no equivalent of `nodelete`.
        Ok("apple") => vec![format!("-Wl,-install_name,@rpath/{NAME}.dylib")],
        _ => vec![format!("-Wl,-soname,{NAME}.so"), "-Wl,-z,nodelete".to_owned()],
    };
    // The tests read this, because they build the library themselves.
    println!("cargo:rustc-env=TARGET_TRIPLE={}", env::var("TARGET").unwrap_or_default());
    for argument in arguments {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
}
