use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::*;
use crate::backends::sys::fd::lasting_identity;

fn identity_of_socket(socket: &UnixStream) -> Identity {
    lasting_identity(|| identity(socket.as_raw_fd())).unwrap()
}

#[test]
fn has_another_finds_a_duplicate_but_no_other_file() {
    let (one, other) = UnixStream::pair().unwrap();
    let (file, number) = (identity_of_socket(&one), one.as_raw_fd());
    let known = [number, other.as_raw_fd()];
    assert!(!OpenFiles::now().has_another(file, known));
    assert!(OpenFiles::now().has_another(file, [other.as_raw_fd(); 2]), "the descriptor itself, if it is not known");
    let _duplicate = one.try_clone().unwrap();
    assert!(OpenFiles::now().has_another(file, known));
    assert!(!OpenFiles::now().has_another((u64::MAX, 0), known));
}

/// The support that a system offers for the search.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    List,
    Count,
    Highest,
    Limit,
}

const WAYS: [Way; 4] = [Way::List, Way::Count, Way::Highest, Way::Limit];

/// A process whose descriptors move during the search.
struct Moving {
    way: Way,
    limit: RawFd,
    open: BTreeMap<RawFd, Identity>,
    /// The moves in order: the step, the old number and the new number.
    moves: Vec<(usize, RawFd, RawFd)>,
    step: usize,
}

impl Moving {
    fn new(way: Way, limit: RawFd, open: impl IntoIterator<Item = RawFd>) -> Moving {
        let open = open.into_iter().map(|number| (number, (0, number.unsigned_abs().into()))).collect();
        Moving { way, limit, open, moves: Vec::new(), step: 0 }
    }

    /// Performs the moves of one step. Each call to the process is a step, and so is each number of
    /// a list.
    fn advance(&mut self) {
        while let Some(&(_, from, to)) = self.moves.first().filter(|&&(at, ..)| at <= self.step) {
            let file = self.open.remove(&from).unwrap();
            self.open.insert(to, file);
            self.moves.remove(0);
        }
        self.step += 1;
    }
}

impl Process for &mut Moving {
    fn listed(&mut self) -> Option<Vec<RawFd>> {
        let mut numbers: Vec<RawFd> = Vec::new();
        while self.way == Way::List {
            self.advance();
            let next = numbers.last().map_or(0, |&last| last + 1);
            let Some((&number, _)) = self.open.range(next..).next() else { return Some(numbers) };
            numbers.push(number);
        }
        None
    }

    fn count(&mut self) -> Option<usize> {
        self.advance();
        (self.way == Way::Count).then_some(self.open.len())
    }

    fn end(&mut self) -> RawFd {
        self.advance();
        match self.way {
            Way::Highest => self.open.keys().next_back().map_or(0, |&highest| highest + 1),
            _ => self.limit,
        }
    }

    fn status(&mut self, number: RawFd) -> Status {
        self.advance();
        self.open.get(&number).map_or(Status::Closed, |&file| Status::Open(file))
    }
}

const OTHERS: [RawFd; 5] = [0, 1, 2, 7, 30];

/// Searches a process in which a descriptor moves from each of `numbers` to the next, at `steps`.
/// Returns whether the search found its file, and whether all moves took place.
fn search_while_it_moves(way: Way, steps: &[usize], numbers: &[RawFd]) -> (bool, bool) {
    let mut process = Moving::new(way, 50, OTHERS.into_iter().chain([numbers[0]]));
    process.moves = steps.iter().zip(numbers.windows(2)).map(|(&at, to)| (at, to[0], to[1])).collect();
    let file = process.open[&numbers[0]];
    let found = Search::of(&mut process).has_another(file, [-1; 2]);
    (found, process.moves.is_empty())
}

#[test]
fn the_search_finds_a_descriptor_that_moves_once_whenever_it_moves() {
    for way in WAYS {
        for numbers in [[5, 40], [40, 5], [5, 6], [6, 5]] {
            let moved = (0..).take_while(|&at| {
                let (found, moved) = search_while_it_moves(way, &[at], &numbers);
                assert!(found, "{way:?}: {numbers:?} at {at}");
                moved
            });
            assert!(moved.count() > OTHERS.len(), "{way:?}: the descriptor moved during the search");
        }
    }
}

#[test]
fn the_search_finds_a_descriptor_that_moves_upwards_twice() {
    for way in WAYS {
        for (first, then) in (0..120).flat_map(|first| (first..120).map(move |then| (first, then))) {
            let (found, _) = search_while_it_moves(way, &[first, then], &[5, 20, 40]);
            assert!(found, "{way:?} at {first} and {then}");
        }
    }
}

#[test]
fn the_cost_of_a_search_does_not_grow_with_the_limit() {
    const HIGH: RawFd = 700;
    for way in [Way::List, Way::Count, Way::Highest] {
        let cost = |limit| {
            let mut process = Moving::new(way, limit, OTHERS.into_iter().chain([HIGH]));
            let file = process.open[&HIGH];
            let open = Search::of(&mut process);
            assert!(open.has_another(file, [-1; 2]), "{way:?}");
            open.scanned()
        };
        let most = if way == Way::List { OTHERS.len() + 1 } else { HIGH.unsigned_abs() as usize + 1 };
        assert!(cost(1 << 20) <= 2 * most, "{way:?}: {}", cost(1 << 20));
        assert_eq!(cost(1 << 20), cost(1 << 10), "{way:?}");
    }
}

#[test]
fn the_search_finds_a_listed_descriptor_at_the_highest_number() {
    const HIGHEST: RawFd = RawFd::MAX - 1;
    let mut process = Moving::new(Way::List, 1 << 20, [0, 1, 2, HIGHEST]);
    let file = process.open[&HIGHEST];
    let open = Search::of(&mut process);
    assert!(open.has_another(file, [-1; 2]));
    assert_eq!(open.scanned(), 8);
}

#[test]
fn the_search_scans_at_most_four_times_if_descriptors_change_all_the_time() {
    let mut process = Moving::new(Way::List, 1 << 20, OTHERS);
    process.moves = (0..100).map(|at| if at % 2 == 0 { (at, 7, 8) } else { (at, 8, 7) }).collect();
    let scanned = Search::of(&mut process).scanned();
    assert!(scanned > (MOST_SCANS - 1) * OTHERS.len(), "{scanned}");
    // A list can show both numbers of a descriptor that moves while the list is read.
    assert!(scanned <= MOST_SCANS * (OTHERS.len() + 1), "{scanned}");
}

/// Returns the numbers that this system lists, if it has such a list.
fn listed() -> Option<Vec<RawFd>> {
    SYSTEM.descriptor_directory?;
    Some(ThisProcess.listed().unwrap())
}

#[test]
fn the_cost_of_searching_this_process_is_proportional_to_its_descriptors() {
    let _limit = Limit::raised();
    let (one, other) = UnixStream::pair().unwrap();
    let high = duplicate_at_the_limit(&one);
    let (file, open) = (identity_of_socket(&one), OpenFiles::now());
    assert!(open.has_another(file, [one.as_raw_fd(), other.as_raw_fd()]), "number {}", high.as_raw_fd());
    if let Some(listed) = listed() {
        // Other tests open descriptors at the same time.
        let most = MOST_SCANS * (listed.len() + 1000);
        assert!(open.scanned() <= most, "{} for {} open", open.scanned(), listed.len());
    }
}

/// Duplicates this descriptor to one of the highest numbers.
fn duplicate_at_the_limit(of: &impl AsRawFd) -> OwnedFd {
    let least = end_by_limit() - 100;
    // SAFETY: duplicating a descriptor touches no memory.
    let number = unsafe { libc::fcntl(of.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
    assert!(number >= least, "{number}");
    // SAFETY: the system has just created this descriptor, and no other code knows it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Raises the limit of descriptors, to a million if this process may. Restores it when dropped.
struct Limit(nix::libc::rlim_t, nix::libc::rlim_t);

impl Limit {
    fn raised() -> Limit {
        use nix::sys::resource::{getrlimit, setrlimit, Resource};
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let most = 1 << 20;
        if setrlimit(Resource::RLIMIT_NOFILE, most, most.max(hard)).is_err() {
            setrlimit(Resource::RLIMIT_NOFILE, most.min(hard), hard).unwrap();
        }
        Limit(soft, hard)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        use nix::sys::resource::{setrlimit, Resource};
        setrlimit(Resource::RLIMIT_NOFILE, self.0, self.1).unwrap();
    }
}
