//! Finds the source files of the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// The folders that contain tests.
const FOLDERS: [&str; 2] = ["backends", "tests"];

/// The files that define a function of each name.
pub type Files = BTreeMap<String, BTreeSet<String>>;

/// Reads all Rust files below `root`. The paths in the result are relative to `root`.
pub fn test_files(root: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for folder in FOLDERS {
        read_folder(root, folder, &mut files)?;
    }
    Ok(files)
}

fn read_folder(root: &Path, folder: &str, files: &mut Files) -> io::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_folder(root, &path, files)?;
        } else if path.ends_with(".rs") {
            for name in std::fs::read_to_string(entry.path())?.lines().filter_map(function) {
                files.entry(name.to_owned()).or_default().insert(path.clone());
            }
        }
    }
    Ok(())
}

/// The name of the function that the line defines.
fn function(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().strip_prefix("fn ")?.split_once('(')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_defines_no_function() {
        assert_eq!(function("    fn expires(timer: &TimerFd) {"), Some("expires"));
        assert_eq!(function("    expires(timer);"), None);
    }
}
