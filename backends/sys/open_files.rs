//! Finds the open files of this process and their descriptors.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use super::fd::{identity, Identity};
use super::system::SYSTEM;

mod directory;

/// The descriptors that a search of this process has found.
pub(crate) struct OpenFiles {
    /// Sorted.
    found: Vec<(Identity, RawFd)>,
    scanned: usize,
}

impl OpenFiles {
    /// Searches the descriptors of this process.
    ///
    /// If another thread moves a descriptor to another number during the search, the search still
    /// finds it. The search can miss a descriptor only if the descriptor moves at least twice.
    pub(crate) fn now() -> OpenFiles {
        Search::of(ThisProcess)
    }

    /// Whether this file has a descriptor other than `known`.
    pub(crate) fn has_another(&self, file: Identity, known: [RawFd; 2]) -> bool {
        let first = self.found.partition_point(|&(found, _)| found < file);
        let same = self.found[first..].iter().take_while(|&&(found, _)| found == file);
        same.into_iter().any(|(_, number)| !known.contains(number))
    }

    /// The number of `fstat` calls that the search made.
    pub(crate) fn scanned(&self) -> usize {
        self.scanned
    }
}

/// The result of `fstat` for a descriptor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Closed,
    Open(Identity),
    /// The number is open, although `fstat` fails. The file is not a timer.
    Other,
}

/// The process that is searched.
trait Process {
    /// Returns the open numbers from a list of the system, or `None` if there is no such list.
    fn listed(&mut self) -> Option<Vec<RawFd>>;
    /// Returns how many numbers are open, or `None` if the system does not report this.
    fn count(&mut self) -> Option<usize>;
    /// Returns a number above all open numbers.
    fn end(&mut self) -> RawFd;
    /// Calls `fstat`.
    fn status(&mut self, number: RawFd) -> Status;
}

struct Search<P> {
    process: P,
    found: Vec<(Identity, RawFd)>,
    scanned: usize,
}

/// The maximum number of scans while each scan differs from the previous one.
const MOST_SCANS: usize = 4;

impl<P: Process> Search<P> {
    fn of(process: P) -> OpenFiles {
        let mut search = Search { process, found: Vec::new(), scanned: 0 };
        if !search.by_list() && !search.by_count() {
            search.by_number();
        }
        search.found.sort_unstable();
        OpenFiles { found: search.found, scanned: search.scanned }
    }

    fn status(&mut self, number: RawFd) -> Status {
        self.scanned += 1;
        let status = self.process.status(number);
        if let Status::Open(file) = status {
            self.found.push((file, number));
        }
        status
    }

    /// Scans the listed numbers until two consecutive scans have the same result. Returns `false`
    /// if the system has no list.
    ///
    /// A scan can miss a descriptor only if the descriptor moves during that scan. There are at
    /// least two scans, and the scan after a move shows another list or another file.
    fn by_list(&mut self) -> bool {
        let mut before = None;
        for _ in 0..MOST_SCANS {
            let Some(numbers) = self.process.listed() else { return false };
            let scan: Vec<_> = numbers.into_iter().map(|number| (number, self.status(number))).collect();
            let is_whole = scan.iter().all(|&(_, status)| status != Status::Closed);
            if is_whole && before.as_ref() == Some(&scan) {
                break;
            }
            before = Some(scan);
        }
        true
    }

    /// Scans upwards until the number of open descriptors equals the system's count, and then
    /// checks the open numbers again. Returns `false` if the counts did not agree.
    ///
    /// If as many numbers were open before and after the system counted them, no other number was
    /// open at the time of the count. So every descriptor was at one of these numbers then. The
    /// search checks these numbers before and after the count, so it finds a descriptor that moves
    /// once.
    fn by_count(&mut self) -> bool {
        let (mut open, mut next) = (Vec::new(), 0);
        for _ in 0..MOST_SCANS {
            let Some(count) = self.process.count() else { return false };
            let end = self.process.end();
            while open.len() < count && next < end {
                if self.status(next) != Status::Closed {
                    open.push(next);
                }
                next += 1;
            }
            let count = self.process.count();
            open.retain(|&number| self.status(number) != Status::Closed);
            if count == Some(open.len()) {
                return true;
            }
        }
        false
    }

    /// Scans all numbers upwards, and then downwards. If a descriptor moves once, one of the two
    /// scans finds it.
    fn by_number(&mut self) {
        let mut next = 0;
        loop {
            // A descriptor may have moved above the former end.
            let end = self.process.end();
            if next >= end {
                break;
            }
            for number in next..end {
                self.status(number);
            }
            next = end;
        }
        for number in (0..next).rev() {
            self.status(number);
        }
    }
}

struct ThisProcess;

impl Process for ThisProcess {
    fn listed(&mut self) -> Option<Vec<RawFd>> {
        directory::numbers(SYSTEM.descriptor_directory?)
    }

    fn count(&mut self) -> Option<usize> {
        (SYSTEM.count_of_descriptors)()
    }

    fn end(&mut self) -> RawFd {
        (SYSTEM.highest_descriptor)().map_or_else(end_by_limit, |highest| highest.saturating_add(1))
    }

    fn status(&mut self, number: RawFd) -> Status {
        match identity(number) {
            Ok(file) => Status::Open(file),
            Err(e) if e.raw_os_error() == Some(libc::EBADF) => Status::Closed,
            Err(_) => Status::Other,
        }
    }
}

/// Returns the lowest number that the limit does not allow.
fn end_by_limit() -> RawFd {
    const MOST: libc::rlim_t = 1 << 20;
    let limit = limit_of_descriptors().unwrap_or(MOST).min(MOST);
    RawFd::try_from(limit).unwrap_or(RawFd::MAX)
}

fn limit_of_descriptors() -> io::Result<libc::rlim_t> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: `limit` is valid for writes of a limit.
    super::error::check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it has stored the limit.
    Ok(unsafe { limit.assume_init() }.rlim_cur)
}

#[cfg(test)]
mod tests;
