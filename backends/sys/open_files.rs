//! What this process has open, found by looking behind each number.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use super::fd::{identity, Identity};

/// The descriptors of this process, as they were when it was asked.
pub(crate) struct OpenFiles {
    /// In order.
    found: Vec<(Identity, RawFd)>,
    looked_behind: usize,
}

impl OpenFiles {
    /// Looks behind each number that there may be, which takes no descriptor.
    pub(crate) fn now() -> OpenFiles {
        let end = end_of_numbers();
        // Upwards, and downwards: what somebody moves meanwhile is seen by one of them.
        let numbers = (0..end).chain((0..end).rev());
        let mut found: Vec<_> = numbers.filter_map(|number| Some((identity(number).ok()?, number))).collect();
        found.sort_unstable();
        OpenFiles { found, looked_behind: 2 * end.unsigned_abs() as usize }
    }

    /// Whether there is a descriptor of this file beside these.
    pub(crate) fn has_another(&self, file: Identity, beside: [RawFd; 2]) -> bool {
        let first = self.found.partition_point(|&(found, _)| found < file);
        let same = self.found[first..].iter().take_while(|&&(found, _)| found == file);
        same.into_iter().any(|(_, number)| !beside.contains(number))
    }

    /// Behind how many numbers it was looked.
    pub(crate) fn looked_behind(&self) -> usize {
        self.looked_behind
    }
}

/// The number from which on there are no descriptors.
fn end_of_numbers() -> RawFd {
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
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn another_descriptor_of_the_same_file_is_found_and_no_other_file() {
        let (one, other) = UnixStream::pair().unwrap();
        let (file, number) = (identity(one.as_raw_fd()).unwrap(), one.as_raw_fd());
        let beside = [number, other.as_raw_fd()];
        assert!(!OpenFiles::now().has_another(file, beside));
        assert!(OpenFiles::now().has_another(file, [other.as_raw_fd(); 2]), "itself, if it is not excepted");
        let _duplicate = one.try_clone().unwrap();
        assert!(OpenFiles::now().has_another(file, beside));
        assert!(!OpenFiles::now().has_another((u64::MAX, 0), beside));
    }
}
