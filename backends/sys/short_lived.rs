//! Read ends that live for one read, at a number that is reserved for them: a forked child finds
//! and closes them, and a process without a free descriptor still has them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::{os_error, EBADF};
use super::fd::{close, duplicate_onto, identity, lowest_duplicate, Identity};
use super::fork::{generation, PerProcess};
use super::fork_table::{note_reopened, reserve, set_short_lived, PipeEntry};
use super::pipe::listed_pipe;
use super::standard_streams::above_the_standard_streams;
use super::system::SYSTEM;

static NUMBER: PerProcess<Mutex<Option<Reserved>>> = PerProcess::new();

/// A number that refers to a placeholder while nothing else is there.
struct Reserved {
    number: RawFd,
    /// What the number refers to between two uses: the write end of a pipe that has no reader.
    placeholder: RawFd,
    identity: Identity,
    entry: &'static PipeEntry,
}

type Number = MutexGuard<'static, Option<Reserved>>;

/// The lock of the reserved number. No call that can block is made while it is held.
fn number() -> io::Result<Number> {
    let number = NUMBER.get_or_make(Mutex::default)?;
    Ok(number.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Reserves the number, unless it is reserved already, or the library keeps a duplicate for each
/// timer, as it does where a write end tells nothing of the readers.
pub(crate) fn reserve_number() -> io::Result<()> {
    if !SYSTEM.writers_know_readers {
        return Ok(());
    }
    ready(&mut number()?).map(drop)
}

/// Closes the number, if it is still the library's: there is no fd-only timer left.
pub(crate) fn release_number() {
    if let Ok(mut number) = number() {
        number.take().into_iter().for_each(Reserved::release);
    }
}

/// The number, which is reserved anew if the program has closed it: `dup3` must not close a file of
/// the program's.
fn ready(number: &mut Number) -> io::Result<&Reserved> {
    if !number.as_ref().is_some_and(Reserved::is_intact) {
        number.take().into_iter().for_each(Reserved::release);
    }
    match &mut **number {
        Some(reserved) => Ok(reserved),
        none => Ok(none.insert(Reserved::new()?)),
    }
}

impl Reserved {
    fn new() -> io::Result<Reserved> {
        let entry = reserve()?;
        let reserved = Reserved::listed_as(entry);
        if reserved.is_err() {
            entry.release();
        }
        reserved
    }

    fn listed_as(entry: &'static PipeEntry) -> io::Result<Reserved> {
        let (reader, placeholder) = listed_pipe(true, true, entry)?;
        let identity = identity(placeholder.as_raw_fd())?;
        let number = lowest_duplicate(placeholder.as_raw_fd())?;
        entry.set_duplicate(&number);
        // Not before: the timer that comes next is to have its number, the lowest one that is free.
        drop(reader);
        set_short_lived(number.as_raw_fd())?;
        Ok(Reserved { number: number.into_raw_fd(), placeholder: placeholder.into_raw_fd(), identity, entry })
    }

    /// Whether both numbers still refer to the placeholder.
    fn is_intact(&self) -> bool {
        [self.number, self.placeholder].into_iter().all(|number| self.is_ours(number))
    }

    fn is_ours(&self, number: RawFd) -> bool {
        identity(number).is_ok_and(|found| found == self.identity)
    }

    fn release(self) {
        [self.number, self.placeholder].into_iter().filter(|&number| self.is_ours(number)).for_each(close);
        self.entry.release();
    }

    /// Puts the placeholder back.
    fn restore(&self) {
        if duplicate_onto(self.placeholder, self.number).is_err() {
            // The process has lowered its limit meanwhile. The number is reserved anew when it is
            // needed.
            close(self.number);
        }
    }
}

/// Calls `act` with a duplicate of the descriptor `number`; `None` if that does not refer to this
/// pipe.
pub(super) fn with_duplicate<R>(
    number: RawFd,
    pipe: Identity,
    act: impl FnOnce(BorrowedFd<'_>) -> R,
) -> io::Result<Option<R>> {
    // Not after the duplication only: to close a duplicate of a file ends the locks that the
    // process has on the file.
    if identity(number).map_or(true, |found| found != pipe) {
        return Ok(None);
    }
    let mut lock = self::number()?;
    let Ok(reserved) = ready(&mut lock) else { return with_free_number(number, pipe, act) };
    let process = generation();
    if duplicate_onto(number, reserved.number).is_err() {
        // The process has lowered its limit below the number, or has closed `number`.
        return with_free_number(number, pipe, act);
    }
    // The descriptor may have changed hands in between, and a signal's handler may have forked:
    // then the numbers are the child's own.
    let is_pipe = process == generation() && identity(reserved.number).is_ok_and(|found| found == pipe);
    // SAFETY: the number refers to the duplicate until the placeholder is put back, under the lock.
    let result = is_pipe.then(|| act(unsafe { BorrowedFd::borrow_raw(reserved.number) }));
    if process == generation() {
        reserved.restore();
    }
    Ok(result)
}

/// The same at any free number.
fn with_free_number<R>(number: RawFd, pipe: Identity, act: impl FnOnce(BorrowedFd<'_>) -> R) -> io::Result<Option<R>> {
    let own = lowest_duplicate(number)?;
    let is_pipe = identity(own.as_raw_fd()).is_ok_and(|found| found == pipe);
    Ok(is_pipe.then(|| act(own.as_fd())))
}

/// Calls `act` with the read end of the pipe whose write end this is, opened anew. It has the
/// lowest free number above the standard streams.
pub(super) fn with_reopened<R>(
    writer: BorrowedFd<'_>,
    pipe: Identity,
    act: impl FnOnce(BorrowedFd<'_>) -> R,
) -> io::Result<R> {
    let _lock = number()?;
    note_reopened(None)?;
    let own = above_the_standard_streams(0, || (SYSTEM.open_again)(writer))?;
    note_reopened(Some(own.as_raw_fd()))?;
    let is_pipe = identity(own.as_raw_fd()).is_ok_and(|found| found == pipe);
    let result = is_pipe.then(|| act(own.as_fd()));
    if !is_pipe {
        // The program has put another file there.
        std::mem::forget(own);
    }
    result.ok_or_else(|| os_error(EBADF))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::sys::fd::write_count;
    use crate::backends::sys::nowait::take_count;
    use crate::backends::sys::pipe::pipe;

    #[test]
    fn a_duplicate_is_read_and_gone_afterwards() {
        let (reader, writer) = pipe(true, true).unwrap();
        let file = identity(reader.as_raw_fd()).unwrap();
        write_count(writer.as_fd(), 7).unwrap();
        assert_eq!(with_duplicate(reader.as_raw_fd(), file, |own| take_count(own).unwrap()).unwrap(), Some(7));
        let other = identity(0).unwrap();
        assert_eq!(with_duplicate(reader.as_raw_fd(), other, |_| ()).unwrap(), None);
        assert_eq!(with_duplicate(-1, file, |_| ()).unwrap(), None);
        drop(reader);
        assert!(crate::backends::sys::fd::has_no_reader(writer.as_fd()) || !SYSTEM.writers_know_readers);
    }

    #[test]
    fn a_number_that_the_program_has_taken_is_left_to_it() {
        let reserved = Reserved::new().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(reserved.is_intact());
        duplicate_onto(file.as_raw_fd(), reserved.number).unwrap();
        assert!(!reserved.is_intact());
        let number = reserved.number;
        reserved.release();
        assert_eq!(identity(number).unwrap(), identity(file.as_raw_fd()).unwrap());
        close(number);
    }
}
