use super::*;
use crate::backends::sys::fd::{duplicate_onto, identity, is_open};
use crate::backends::sys::pipe::listed_pipe_of;
use crate::backends::sys::system::System;
use std::os::fd::{FromRawFd, IntoRawFd};

/// Creates a listed pipe, and returns its descriptor numbers.
fn pipe(entry: &PipeEntry) -> [RawFd; 2] {
    pipe_on(&SYSTEM, entry)
}

fn pipe_on(system: &System, entry: &PipeEntry) -> [RawFd; 2] {
    let (reader, writer) = listed_pipe_of(system, true, true, entry).unwrap();
    [reader.into_raw_fd(), writer.into_raw_fd()]
}

/// Returns which of these numbers `act` leaves open. A number that another test opens again at once
/// counts as closed.
fn kept<const N: usize>(numbers: [RawFd; N], act: impl FnOnce()) -> [bool; N] {
    let files = numbers.map(|number| identity(number).unwrap());
    act();
    std::array::from_fn(|at| identity(numbers[at]).is_ok_and(|found| found == files[at]))
}

#[allow(unsafe_code)]
fn own(number: RawFd) -> OwnedFd {
    // SAFETY: no other code closes this descriptor.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Tries the pipes of this platform, and sockets, whose ends have different inodes on every
/// platform.
#[test]
fn a_child_closes_the_write_end_but_not_the_users_read_end() {
    for pipes_lack_inodes in [SYSTEM.pipes_lack_inodes, true] {
        let entry = reserve().unwrap();
        let [reader, writer] = pipe_on(&System { pipes_lack_inodes, ..SYSTEM }, entry);
        let duplicate = crate::backends::sys::fd::lowest_duplicate(reader).unwrap();
        entry.set_duplicate(&duplicate);
        let duplicate = duplicate.into_raw_fd();
        assert_eq!(kept([reader, writer, duplicate], || entry.close_in_child()), [true, false, false]);
        drop(own(reader));
        entry.release();
    }
}

#[test]
fn a_child_does_not_close_a_users_read_end_that_has_the_number_of_the_write_end() {
    if SYSTEM.pipes_may_be_bidirectional && !SYSTEM.pipes_lack_inodes {
        // The ends cannot be distinguished.
        return;
    }
    let entry = reserve().unwrap();
    let [reader, writer] = pipe(entry);
    duplicate_onto(reader, writer).unwrap();
    assert_eq!(kept([reader, writer], || entry.close_in_child()), [true, true]);
    drop((own(reader), own(writer)));
    entry.release();
}

/// Unless the child's own code runs first. Then the numbers may be those of its own files.
#[test]
fn a_child_closes_the_write_end_of_a_pipe_that_is_being_created() {
    let entry = reserve().unwrap();
    let [reader, writer] = pipe(entry);
    entry.identify([(0, 0); 2]);
    let is_kept = !handler_runs_at_the_fork();
    assert_eq!(kept([reader, writer], || entry.close_in_child()), [true, is_kept]);
    drop(own(reader));
    if is_kept {
        drop(own(writer));
    }
    entry.release();
}

#[test]
fn a_child_does_not_close_a_number_that_refers_to_another_file() {
    let file = std::fs::File::open("/dev/null").unwrap();
    for is_known in [true, false] {
        let entry = reserve().unwrap();
        let [reader, writer] = pipe(entry);
        duplicate_onto(file.as_raw_fd(), writer).unwrap();
        if !is_known {
            entry.identify([(0, 0); 2]);
        }
        entry.close_in_child();
        assert!(is_open(writer));
        drop((own(reader), own(writer)));
        entry.release();
    }
}

#[test]
fn a_released_entry_is_not_reused_within_a_second() {
    let entry = reserve().unwrap();
    let released = Instant::now();
    entry.release();
    for _ in 0..2 * CHUNK {
        assert!(!std::ptr::eq(reserve().unwrap(), entry) || released.elapsed() >= KEPT);
    }
}
