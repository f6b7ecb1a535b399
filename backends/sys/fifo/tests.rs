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

/// A folder for one test, which an ordinary user owns.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str, mode: u32) -> Folder {
        let path = Path::new(USUAL_FOLDER).join(format!("fifo-test-{}-{test}", std::process::id()));
        fs::create_dir(&path).unwrap();
        let folder = Folder(path);
        if geteuid().is_root() {
            chown(&folder.0, Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY))).unwrap();
        }
        fs::set_permissions(&folder.0, Permissions::from_mode(mode)).unwrap();
        folder
    }

    fn is_empty(&self) -> bool {
        read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const NOBODY: u32 = 65_534;

/// Does this in a forked child process without privileges.
#[track_caller]
fn in_child(body: impl FnOnce()) {
    // SAFETY: the child has one thread, and waits for no lock of another thread: it allocates, which
    // the C libraries allow, and makes system calls.
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
            // SAFETY: this ends the child without the handlers of the parent.
            unsafe { libc::_exit(status) }
        }
    }
}

/// Sets `TMPDIR` in a child process.
fn set_tmpdir(folder: &Path) {
    let folder = CString::new(folder.as_os_str().as_bytes()).unwrap();
    // SAFETY: both texts end with a zero, and the child has one thread.
    assert_eq!(unsafe { libc::setenv(b"TMPDIR\0".as_ptr().cast(), folder.as_ptr(), 1) }, 0);
}

#[track_caller]
fn assert_is_a_pipe((reader, writer): (OwnedFd, OwnedFd)) {
    assert_eq!(identity(reader.as_raw_fd()).unwrap(), identity(writer.as_raw_fd()).unwrap());
    write_count(writer.as_fd(), 7).unwrap();
    assert_eq!(read_count(reader.as_fd()).unwrap(), Some(7));
}

#[test]
fn each_fifo_is_a_pipe_of_its_own_in_the_mode_asked_for() {
    let (reader, writer) = fifo(false, true).unwrap();
    let (other, _writer) = fifo(true, true).unwrap();
    assert_ne!(identity(reader.as_raw_fd()).unwrap(), identity(other.as_raw_fd()).unwrap());
    assert!(!is_nonblocking(&reader).unwrap() && is_nonblocking(&writer).unwrap() && is_nonblocking(&other).unwrap());
    assert_is_a_pipe((reader, writer));
}

#[test]
fn a_tmpdir_of_no_use_is_replaced_by_the_usual_folder() {
    let (closed, usable) = (Folder::new("closed", 0o555), Folder::new("usable", 0o700));
    let (missing, file) = (usable.0.join("missing"), usable.0.join("file"));
    fs::write(&file, "").unwrap();
    let long = Path::new("/").join("x".repeat(300));
    for tmpdir in [Path::new(""), &missing, &closed.0, &file, &long] {
        in_child(|| {
            set_tmpdir(tmpdir);
            assert_is_a_pipe(fifo(true, true).unwrap());
        });
    }
}

#[test]
fn a_fifo_is_made_in_tmpdir_if_that_is_of_use() {
    let folder = Folder::new("used", 0o700);
    let epoch = TimeSpec::new(0, 0);
    futimens(File::open(&folder.0).unwrap(), &epoch, &epoch).unwrap();
    in_child(|| {
        set_tmpdir(&folder.0);
        assert_is_a_pipe(fifo(true, true).unwrap());
    });
    assert!(folder.is_empty());
    assert_ne!(fs::metadata(&folder.0).unwrap().mtime(), 0, "the folder has not been changed");
}

#[test]
fn a_fifo_is_made_under_any_umask_and_the_umask_stays() {
    let folder = Folder::new("umask", 0o700);
    for tmpdir in [&folder.0, Path::new(USUAL_FOLDER)] {
        in_child(|| {
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
    assert!(folder.is_empty());
}

/// The permissions are changed by the name, which other users could give to another file there.
#[test]
fn no_permissions_are_changed_in_a_folder_where_others_can_exchange_files() {
    let folder = Folder::new("shared", 0o777);
    in_child(|| {
        assert_is_a_pipe(fifo_in_one_of(&[&folder.0]).unwrap());
        umask(Mode::from_bits_truncate(0o777));
        assert_eq!(fifo_in_one_of(&[&folder.0]).unwrap_err().raw_os_error(), Some(libc::EACCES));
        assert_is_a_pipe(fifo_in_one_of(&[&folder.0, Path::new(USUAL_FOLDER)]).unwrap());
    });
    assert!(folder.is_empty());
    assert!(keeps_names(&fs::metadata("/").unwrap()) && keeps_names(&fs::metadata(USUAL_FOLDER).unwrap()));
}

#[test]
fn a_relative_folder_is_not_used_and_every_error_has_a_number() {
    let error = |folders: &[&str]| {
        let folders: Vec<&Path> = folders.iter().map(Path::new).collect();
        fifo_in_one_of(&folders).unwrap_err().raw_os_error()
    };
    assert_eq!(error(&["", ".", "target"]), Some(libc::ENOENT));
    assert_eq!(error(&["/dev/null"]), Some(libc::ENOTDIR));
    assert_eq!(error(&["/with\0zero"]), Some(libc::EINVAL));
    assert_eq!(error(&[&format!("/{}", "x".repeat(300))]), Some(libc::ENAMETOOLONG));
}

/// Puts another file in the place of a FIFO, which has this path.
type Exchange = Box<dyn Fn(&Path)>;

/// What another user may put in the place of a FIFO before it is opened.
fn exchanges(folder: &Path) -> Vec<(&'static str, Exchange)> {
    let victim = folder.join("victim");
    mkfifo(&victim, Mode::from_bits_truncate(PRIVATE as _)).unwrap();
    let linked = victim.clone();
    let mut all: Vec<(_, Exchange)> = vec![
        ("a FIFO for all", Box::new(open_to_all)),
        ("a link", Box::new(move |path| symlink(&linked, path).unwrap())),
        ("a second name", Box::new(move |path| fs::hard_link(&victim, path).unwrap())),
        ("a file", Box::new(private_file)),
        ("a folder", Box::new(|path| fs::create_dir(path).unwrap())),
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
fn what_another_user_puts_in_the_place_of_a_fifo_is_an_error() {
    let folder = Folder::new("exchanged", 0o700);
    for (what, exchange) in exchanges(&folder.0) {
        let name = Name::new(&folder.0).unwrap();
        fs::remove_file(&name.0).unwrap();
        exchange(&name.0);
        assert!(name.open().unwrap_err().raw_os_error().is_some(), "{what}");
        let path = name.0.clone();
        drop(name);
        assert!(what == "a folder" || symlink_metadata(path).is_err(), "{what}: the name is left");
    }
}

#[test]
fn ends_of_two_fifos_are_not_a_pipe() {
    let folder = Folder::new("ends", 0o700);
    let (one, other) = (Name::new(&folder.0).unwrap(), Name::new(&folder.0).unwrap());
    let of = |name: &Name| symlink_metadata(&name.0).unwrap();
    assert!(are_ends_of_one(&of(&one), &of(&one)));
    assert!(!are_ends_of_one(&of(&one), &of(&other)));
}
