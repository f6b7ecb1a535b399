//! Read ends that exist for one read, at a reserved descriptor number.
//!
//! A forked child finds them at this number and closes them. The number also works in a process
//! that has no free descriptor.

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

/// A reserved descriptor number. It refers to a placeholder while it is not in use.
struct Reserved {
    number: RawFd,
    /// The file that the number refers to between two uses: the write end of a pipe without a
    /// reader.
    placeholder: RawFd,
    identity: Identity,
    entry: &'static PipeEntry,
}

type Number = MutexGuard<'static, Option<Reserved>>;

/// Locks the reserved number. No call that can block may be made while the lock is held.
fn number() -> io::Result<Number> {
    let number = NUMBER.get_or_make(Mutex::default)?;
    Ok(number.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Reserves the number, unless it is already reserved.
///
/// Does nothing on platforms where the library keeps a duplicate of each read end, because a write
/// end does not show whether there are readers.
pub(crate) fn reserve_number() -> io::Result<()> {
    if !SYSTEM.write_end_shows_readers {
        return Ok(());
    }
    ready(&mut number()?).map(drop)
}

/// Closes the number, if it still belongs to the library. Called when no fd-only timer exists.
pub(crate) fn release_number() {
    if let Ok(mut number) = number() {
        number.take().into_iter().for_each(Reserved::release);
    }
}

/// Returns the reserved number. If the program has closed it, reserves another number, because
/// `dup3` must not close a file of the program.
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
        // Until here, the reader occupies the lowest free number, so that the duplicate does not
        // take that number and the next timer gets it.
        drop(reader);
        set_short_lived(number.as_raw_fd())?;
        Ok(Reserved { number: number.into_raw_fd(), placeholder: placeholder.into_raw_fd(), identity, entry })
    }

    /// Whether both numbers still refer to the placeholder file.
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

    /// Makes the number refer to the placeholder again.
    fn restore(&self) {
        if duplicate_onto(self.placeholder, self.number).is_err() {
            // The process has lowered its descriptor limit in the meantime. Another number is
            // reserved when it is needed.
            close(self.number);
        }
    }
}

/// Calls `act` with a duplicate of the descriptor `number`. Returns `None` if `number` does not
/// refer to this pipe.
pub(super) fn with_duplicate<R>(
    number: RawFd,
    pipe: Identity,
    act: impl FnOnce(BorrowedFd<'_>) -> R,
) -> io::Result<Option<R>> {
    // The check after the duplication is not enough: closing a duplicate of another file would
    // release the locks that the process has on that file.
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
    // In the meantime, the program may have opened another file at `number`, or a signal handler
    // may have forked. In the child, the numbers belong to the child.
    let is_pipe = process == generation() && identity(reserved.number).is_ok_and(|found| found == pipe);
    // SAFETY: the number refers to the duplicate until `restore` is called, while the lock is held.
    let result = is_pipe.then(|| act(unsafe { BorrowedFd::borrow_raw(reserved.number) }));
    if process == generation() {
        reserved.restore();
    }
    Ok(result)
}

/// Like [`with_duplicate`], but at any free number.
fn with_free_number<R>(number: RawFd, pipe: Identity, act: impl FnOnce(BorrowedFd<'_>) -> R) -> io::Result<Option<R>> {
    let own = lowest_duplicate(number)?;
    let is_pipe = identity(own.as_raw_fd()).is_ok_and(|found| found == pipe);
    Ok(is_pipe.then(|| act(own.as_fd())))
}

/// Reopens the read end of the pipe with this write end, and calls `act` with it. The descriptor
/// has the lowest free number above the standard streams.
pub(super) fn with_reopened<R>(
    writer: BorrowedFd<'_>,
    pipe: Identity,
    act: impl FnOnce(BorrowedFd<'_>) -> R,
) -> io::Result<R> {
    let _lock = number()?;
    note_reopened(None)?;
    let own = above_the_standard_streams(0, || (SYSTEM.reopen)(writer))?;
    note_reopened(Some(own.as_raw_fd()))?;
    let is_pipe = identity(own.as_raw_fd()).is_ok_and(|found| found == pipe);
    let result = is_pipe.then(|| act(own.as_fd()));
    if !is_pipe {
        // The program has opened another file at this number.
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
    fn with_duplicate_reads_a_count_and_closes_the_duplicate() {
        let (reader, writer) = pipe(true, true).unwrap();
        let file = identity(reader.as_raw_fd()).unwrap();
        write_count(writer.as_fd(), 7).unwrap();
        assert_eq!(with_duplicate(reader.as_raw_fd(), file, |own| take_count(own).unwrap()).unwrap(), Some(7));
        let other = identity(0).unwrap();
        assert_eq!(with_duplicate(reader.as_raw_fd(), other, |_| ()).unwrap(), None);
        assert_eq!(with_duplicate(-1, file, |_| ()).unwrap(), None);
        drop(reader);
        assert!(crate::backends::sys::fd::has_no_reader(writer.as_fd()) || !SYSTEM.write_end_shows_readers);
    }

    #[test]
    fn release_does_not_close_a_number_that_the_program_has_reused() {
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
