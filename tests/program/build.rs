//! Embeds the programs that the file named by `CARRIED_PROGRAMS` lists, one path per line, relative
//! to the folder of that file.

use std::env::{var, var_os};
use std::fmt::Write;
use std::fs::{read_to_string, write};
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=CARRIED_PROGRAMS");
    let list = var_os("CARRIED_PROGRAMS").map(PathBuf::from);
    let names = list.as_ref().map_or(String::new(), |list| read_to_string(list).expect("the list is readable"));
    let mut code = String::from("&[\n");
    for name in names.lines() {
        let path = list.as_deref().and_then(Path::parent).expect("the list is in a folder").join(name);
        println!("cargo:rerun-if-changed={}", path.display());
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").expect("a String takes any text");
    }
    code += "]\n";
    println!("cargo:rerun-if-env-changed=CARRIED_COMMIT");
    let target = var("TARGET").expect("cargo sets TARGET");
    println!("cargo:rustc-env=CARRIED_TARGET={target}");
    println!("cargo:rustc-env=CARRIED_COMMIT={}", var("CARRIED_COMMIT").unwrap_or_default());
    let out = PathBuf::from(var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    write(out.join("carried.rs"), code).expect("OUT_DIR is writable");
}
