use super::*;
use crate::backends::sys::fd::{identity, is_nonblocking, read_count, write_count};
use nix::sys::stat::{futimens, umask, Mode};
use nix::sys::time::TimeSpec;
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{chown, fork, geteuid, mkfifo, setgid, setuid, ForkResult, Gid, Uid};
use std::fs::{self, read_dir};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A directory for one test. It belongs to an ordinary user.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str, mode: u32) -> Directory {
        let path = Path::new(DEFAULT_DIRECTORY).join(format!("fifo-test-{}-{test}", std::process::id()));
        fs::create_dir(&path).unwrap();
        let directory = Directory(path);
        if geteuid().is_root() {
            chown(&directory.0, Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY))).unwrap();
        }
        fs::set_permissions(&directory.0, Permissions::from_mode(mode)).unwrap();
        directory
    }

    fn is_empty(&self) -> bool {
        read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const NOBODY: u32 = 65_534;

/// Runs `body` in a forked child process without privileges.
#[track_caller]
fn run_in_child(body: impl FnOnce()) {
    // SAFETY: the child has one thread, and waits for no lock of another thread. It only allocates,
    // which the C libraries allow after a fork, and makes system calls.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0)),
        ForkResult::Child => {
            let run = AssertUnwindSafe(|| {
                if geteuid().is_root() {
                    setgid(Gid::from_raw(NOBODY)).unwrap();
                    setuid(Uid::from_raw(NOBODY)).unwrap();
                }
                body();
            });
            let status = i32::from(catch_unwind(run).is_err());
            // SAFETY: this call ends the child without running the parent's exit handlers.
            unsafe { libc::_exit(status) }
        }
    }
}

/// Sets `TMPDIR` in a child process.
fn set_tmpdir(directory: &Path) {
    let directory = CString::new(directory.as_os_str().as_bytes()).unwrap();
    // SAFETY: both strings end with a zero, and the child has only one thread.
    assert_eq!(unsafe { libc::setenv(b"TMPDIR\0".as_ptr().cast(), directory.as_ptr(), 1) }, 0);
}

#[track_caller]
fn assert_is_a_pipe((reader, writer): (OwnedFd, OwnedFd)) {
    assert_eq!(identity(reader.as_raw_fd()).unwrap(), identity(writer.as_raw_fd()).unwrap());
    write_count(writer.as_fd(), 7).unwrap();
    assert_eq!(read_count(reader.as_fd()).unwrap(), Some(7));
}

#[test]
fn each_fifo_is_a_distinct_pipe_with_the_requested_modes() {
    let (reader, writer) = fifo(false, true).unwrap();
    let (other, _writer) = fifo(true, true).unwrap();
    assert_ne!(identity(reader.as_raw_fd()).unwrap(), identity(other.as_raw_fd()).unwrap());
    assert!(!is_nonblocking(&reader).unwrap() && is_nonblocking(&writer).unwrap() && is_nonblocking(&other).unwrap());
    assert_is_a_pipe((reader, writer));
}

#[test]
fn fifo_uses_the_default_directory_if_tmpdir_is_unusable() {
    let (closed, usable) = (Directory::new("closed", 0o555), Directory::new("usable", 0o700));
    let (missing, file) = (usable.0.join("missing"), usable.0.join("file"));
    fs::write(&file, "").unwrap();
    let long = Path::new("/").join("x".repeat(300));
    for tmpdir in [Path::new(""), &missing, &closed.0, &file, &long] {
        run_in_child(|| {
            set_tmpdir(tmpdir);
            assert_is_a_pipe(fifo(true, true).unwrap());
        });
    }
}

#[test]
fn fifo_uses_tmpdir_if_it_is_usable() {
    let directory = Directory::new("used", 0o700);
    let epoch = TimeSpec::new(0, 0);
    futimens(File::open(&directory.0).unwrap(), &epoch, &epoch).unwrap();
    run_in_child(|| {
        set_tmpdir(&directory.0);
        assert_is_a_pipe(fifo(true, true).unwrap());
    });
    assert!(directory.is_empty());
    assert_ne!(fs::metadata(&directory.0).unwrap().mtime(), 0, "the FIFO was not created in the directory");
}

#[test]
fn fifo_works_with_any_umask_and_does_not_change_it() {
    let directory = Directory::new("umask", 0o700);
    for tmpdir in [&directory.0, Path::new(DEFAULT_DIRECTORY)] {
        run_in_child(|| {
            set_tmpdir(tmpdir);
            for bits in [0o777, 0o700, 0o400, 0o200, 0o022, 0].map(Mode::from_bits_truncate) {
                umask(bits);
                let made = fifo(true, true);
                assert_eq!(umask(bits), bits);
                let (reader, writer) = made.unwrap();
                let opened = File::from(reader.try_clone().unwrap()).metadata().unwrap();
                assert_eq!(opened.mode() & 0o777, PRIVATE);
                assert_is_a_pipe((reader, writer));
            }
        });
    }
    assert!(directory.is_empty());
}

/// The permissions are changed by name, and in such a directory other users could give that name to
/// another file.
#[test]
fn fifo_changes_no_permissions_in_a_directory_where_others_can_replace_files() {
    let directory = Directory::new("shared", 0o777);
    run_in_child(|| {
        assert_is_a_pipe(fifo_in_one_of(&[&directory.0]).unwrap());
        umask(Mode::from_bits_truncate(0o777));
        assert_eq!(fifo_in_one_of(&[&directory.0]).unwrap_err().raw_os_error(), Some(libc::EACCES));
        assert_is_a_pipe(fifo_in_one_of(&[&directory.0, Path::new(DEFAULT_DIRECTORY)]).unwrap());
    });
    assert!(directory.is_empty());
    assert!(protects_names(&fs::metadata("/").unwrap()) && protects_names(&fs::metadata(DEFAULT_DIRECTORY).unwrap()));
}

#[test]
fn fifo_does_not_use_a_relative_directory_and_every_error_has_a_number() {
    let error = |directories: &[&str]| {
        let directories: Vec<&Path> = directories.iter().map(Path::new).collect();
        fifo_in_one_of(&directories).unwrap_err().raw_os_error()
    };
    assert_eq!(error(&["", ".", "target"]), Some(libc::ENOENT));
    assert_eq!(error(&["/dev/null"]), Some(libc::ENOTDIR));
    assert_eq!(error(&["/with\0zero"]), Some(libc::EINVAL));
    assert_eq!(error(&[&format!("/{}", "x".repeat(300))]), Some(libc::ENAMETOOLONG));
}

/// Creates another file at the path of a FIFO.
type Replacement = Box<dyn Fn(&Path)>;

/// The files by which another user may replace a FIFO before it is opened.
fn replacements(directory: &Path) -> Vec<(&'static str, Replacement)> {
    let victim = directory.join("victim");
    mkfifo(&victim, Mode::from_bits_truncate(PRIVATE as _)).unwrap();
    let linked = victim.clone();
    let mut all: Vec<(_, Replacement)> = vec![
        ("a FIFO for all", Box::new(open_to_all)),
        ("a link", Box::new(move |path| symlink(&linked, path).unwrap())),
        ("a second name", Box::new(move |path| fs::hard_link(&victim, path).unwrap())),
        ("a file", Box::new(private_file)),
        ("a directory", Box::new(|path| fs::create_dir(path).unwrap())),
        ("nothing", Box::new(|_| ())),
    ];
    if geteuid().is_root() {
        all.push((
            "another user's",
            Box::new(|path| {
                mkfifo(path, Mode::from_bits_truncate(PRIVATE as _)).unwrap();
                chown(path, Some(Uid::from_raw(NOBODY)), None).unwrap();
            }),
        ));
    }
    all
}

fn private_file(path: &Path) {
    fs::write(path, "").unwrap();
    fs::set_permissions(path, Permissions::from_mode(PRIVATE)).unwrap();
}

fn open_to_all(path: &Path) {
    mkfifo(path, Mode::from_bits_truncate(PRIVATE as _)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
}

#[test]
fn open_returns_an_error_if_another_user_has_replaced_the_fifo() {
    let directory = Directory::new("replaced", 0o700);
    for (what, replace) in replacements(&directory.0) {
        let name = Name::new(&directory.0).unwrap();
        fs::remove_file(&name.0).unwrap();
        replace(&name.0);
        assert!(name.open().unwrap_err().raw_os_error().is_some(), "{what}");
        let path = name.0.clone();
        drop(name);
        assert!(what == "a directory" || symlink_metadata(path).is_err(), "{what}: the name was not removed");
    }
}

#[test]
fn ends_of_two_fifos_are_not_accepted_as_a_pipe() {
    let directory = Directory::new("ends", 0o700);
    let (one, other) = (Name::new(&directory.0).unwrap(), Name::new(&directory.0).unwrap());
    let of = |name: &Name| symlink_metadata(&name.0).unwrap();
    assert!(are_ends_of_one(&of(&one), &of(&one)));
    assert!(!are_ends_of_one(&of(&one), &of(&other)));
}
