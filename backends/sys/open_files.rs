//! Which files this process has open, and by which descriptors.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use super::fd::{identity, Identity};
use super::system::SYSTEM;

mod directory;

/// The open descriptors of this process, as of the time of the search.
pub(crate) struct OpenFiles {
    /// In order.
    found: Vec<(Identity, RawFd)>,
    looked_behind: usize,
}

impl OpenFiles {
    /// Searches the descriptors of this process.
    ///
    /// If another thread moves a descriptor to another number during the search, the search finds
    /// it. It can miss a descriptor only if that moves twice or more.
    pub(crate) fn now() -> OpenFiles {
        Search::of(ThisProcess)
    }

    /// Whether there is a descriptor of this file beside these.
    pub(crate) fn has_another(&self, file: Identity, beside: [RawFd; 2]) -> bool {
        let first = self.found.partition_point(|&(found, _)| found < file);
        let same = self.found[first..].iter().take_while(|&&(found, _)| found == file);
        same.into_iter().any(|(_, number)| !beside.contains(number))
    }

    /// The number of `fstat` calls that the search made.
    pub(crate) fn looked_behind(&self) -> usize {
        self.looked_behind
    }
}

/// What `fstat` says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Closed,
    Open(Identity),
    /// Open, although `fstat` fails. The file is not a timer.
    Other,
}

/// The questions that a search asks of a process.
trait Process {
    /// The numbers that are open, from a list of the system's; `None` if there is no such list.
    fn listed(&mut self) -> Option<Vec<RawFd>>;
    /// How many numbers are open; `None` if the system does not count them.
    fn count(&mut self) -> Option<usize>;
    /// A number above all open ones.
    fn end(&mut self) -> RawFd;
    fn look(&mut self, number: RawFd) -> Look;
}

struct Search<P> {
    process: P,
    found: Vec<(Identity, RawFd)>,
    looked_behind: usize,
}

/// How many scans a search makes at most while each differs from the one before.
const MOST_SCANS: usize = 4;

impl<P: Process> Search<P> {
    fn of(process: P) -> OpenFiles {
        let mut search = Search { process, found: Vec::new(), looked_behind: 0 };
        if !search.by_list() && !search.by_count() {
            search.by_number();
        }
        search.found.sort_unstable();
        OpenFiles { found: search.found, looked_behind: search.looked_behind }
    }

    fn look(&mut self, number: RawFd) -> Look {
        self.looked_behind += 1;
        let look = self.process.look(number);
        if let Look::Open(file) = look {
            self.found.push((file, number));
        }
        look
    }

    /// Scans the listed numbers until two scans in a row show the same.
    ///
    /// A scan can miss a descriptor only if the descriptor moves during this scan, and there are two
    /// scans at least. The scan after a move shows another list or another file.
    fn by_list(&mut self) -> bool {
        let mut before = None;
        for _ in 0..MOST_SCANS {
            let Some(numbers) = self.process.listed() else { return false };
            let scan: Vec<_> = numbers.into_iter().map(|number| (number, self.look(number))).collect();
            let is_whole = scan.iter().all(|&(_, look)| look != Look::Closed);
            if is_whole && before.as_ref() == Some(&scan) {
                break;
            }
            before = Some(scan);
        }
        true
    }

    /// Scans upwards until as many numbers are open as the system counts, and then looks again at
    /// those. `false` if the counts did not agree.
    ///
    /// If as many numbers were open before and after the system counted them, no other number was
    /// open at that time. So a descriptor that is missing was at another of them before or after.
    fn by_count(&mut self) -> bool {
        let (mut open, mut next) = (Vec::new(), 0);
        for _ in 0..MOST_SCANS {
            let Some(count) = self.process.count() else { return false };
            let end = self.process.end();
            while open.len() < count && next < end {
                if self.look(next) != Look::Closed {
                    open.push(next);
                }
                next += 1;
            }
            let count = self.process.count();
            open.retain(|&number| self.look(number) != Look::Closed);
            if count == Some(open.len()) {
                return true;
            }
        }
        false
    }

    /// Scans all numbers upwards, and then downwards. If a descriptor moves once, one of the two
    /// scans shows it.
    fn by_number(&mut self) {
        let mut next = 0;
        loop {
            // A descriptor may have moved above the former end.
            let end = self.process.end();
            if next >= end {
                break;
            }
            for number in next..end {
                self.look(number);
            }
            next = end;
        }
        for number in (0..next).rev() {
            self.look(number);
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

    fn look(&mut self, number: RawFd) -> Look {
        match identity(number) {
            Ok(file) => Look::Open(file),
            Err(e) if e.raw_os_error() == Some(libc::EBADF) => Look::Closed,
            Err(_) => Look::Other,
        }
    }
}

/// The number from which on the limit allows no descriptor.
fn end_by_limit() -> RawFd {
    const MOST: libc::rlim_t = 1 << 20;
    let limit = limit_of_descriptors().unwrap_or(MOST).min(MOST);
    RawFd::try_from(limit).unwrap_or(RawFd::MAX)
}

fn limit_of_descriptors() -> io::Result<libc::rlim_t> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: `limit` is a valid place for a limit.
    super::error::check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it has stored the limit.
    Ok(unsafe { limit.assume_init() }.rlim_cur)
}

#[cfg(test)]
mod tests;
