//! The options of the timer thread, and their textual form.

use std::io;
use std::str::FromStr;

use super::error::{os_error, EINVAL};

/// All CPU numbers are below this.
pub(crate) const MOST_CPUS: usize = 8192;

/// The scheduling policy of the timer thread, with the priority that belongs to the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThreadPolicy {
    /// `SCHED_OTHER`, the system's ordinary policy.
    #[default]
    Other,
    /// `SCHED_FIFO` with this priority. On Linux, the priorities are 1 to 99, and a higher number
    /// is a higher priority.
    Fifo(u8),
    /// `SCHED_RR` with this priority, which has the same range and meaning as for `SCHED_FIFO`.
    RoundRobin(u8),
}

/// The scheduling policy, priority and CPUs of the timer thread, and whether its sleeps are exact.
///
/// By default, the timer thread has the policy `SCHED_OTHER`, priority 0, and the CPUs and nice
/// value of the process's main thread, as far as the system allows this. For details, see
/// [`UserspaceTimer`](crate::backends::userspace::UserspaceTimer). A program that needs real-time
/// timers sets other options once, before it creates its first timer:
///
/// ```
/// use portable_timerfd::backends::userspace::{ThreadOptions, ThreadPolicy, UserspaceTimer};
/// use portable_timerfd::{Clock, CreateFlags, Timer};
/// use std::time::Duration;
///
/// ThreadOptions::new().policy(ThreadPolicy::Fifo(60)).set_for_process()?;
/// let timer = UserspaceTimer::new(Clock::Monotonic, CreateFlags::default())?;
/// // Fails with `EPERM` if the process may not have real-time threads.
/// let armed = timer.arm_after(Duration::from_millis(5));
/// # let _ = armed;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Give the timer thread a higher priority than the threads that wait for its timers. Then a busy
/// thread of lower priority cannot delay expirations. A waiting thread that wakes up cannot take
/// the CPU from the timer thread either.
///
/// # Text
///
/// [`FromStr`] reads `other`, `fifo:PRIORITY`, `rr:PRIORITY`, or `other+exact` for
/// [`exact_sleep`](ThreadOptions::exact_sleep). `@CPUS` can follow, a list of numbers and ranges.
/// Examples: `fifo:60`, `rr:10@0,2-3`, `other+exact@1`. Malformed text is an `EINVAL` error.
/// `FromStr` does not check the priority. [`set_for_process`](ThreadOptions::set_for_process) does.
/// The libraries for C and Python read this text from the environment variable
/// `PORTABLE_TIMERFD_THREAD`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ThreadOptions {
    policy: ThreadPolicy,
    cpus: Option<Vec<usize>>,
    exact_sleep: bool,
}

impl ThreadOptions {
    /// Creates the default options.
    ///
    /// These are the policy `SCHED_OTHER`, the CPUs of the main thread, and no exact sleeps.
    ///
    /// If a program sets these options and the system refuses them, arming a timer fails. If a
    /// program sets no options and the system refuses the defaults, the timer thread has the
    /// attributes of the thread that arms the first timer.
    #[must_use]
    pub const fn new() -> ThreadOptions {
        ThreadOptions { policy: ThreadPolicy::Other, cpus: None, exact_sleep: false }
    }

    /// Sets the scheduling policy and its priority.
    #[must_use]
    pub fn policy(mut self, policy: ThreadPolicy) -> ThreadOptions {
        self.policy = policy;
        self
    }

    /// Sets the numbers of the CPUs on which the thread may run.
    ///
    /// The numbers are from 0 to 8191. By default, the thread may run on the CPUs of the main
    /// thread. Only Linux can set CPUs.
    #[must_use]
    pub fn cpus(mut self, cpus: impl IntoIterator<Item = usize>) -> ThreadOptions {
        self.cpus = Some(cpus.into_iter().collect());
        self
    }

    /// Sets whether the thread asks the system for exact sleeps, even if they cost energy.
    ///
    /// The default is `false`. To save energy, a system delays the end of a sleep until other
    /// threads wake up too.
    ///
    /// - On macOS, iOS and the other Apple systems, `true` gives the thread Mach's real-time policy
    ///   (`THREAD_TIME_CONSTRAINT_POLICY`). Then the system does not delay the thread's sleeps.
    ///   This causes more wake-ups of a CPU, and the thread takes precedence over all ordinary
    ///   threads. In the background, iOS ignores the policy. With `false`, the system may delay
    ///   each sleep by an eighth of its length, but by at most 1 ms (2 ms while the user is idle).
    ///   `docs/platforms.md` in the source lists the higher limits for processes in the background
    ///   or in App Nap. These facts are from the source of Apple's kernel. The option has not been
    ///   tried on an Apple system yet.
    /// - On Linux and Android, the option has no effect. The thread always has the shortest timer
    ///   slack, 1 ns.
    /// - On the other platforms, the option has no effect, because the library knows no way to
    ///   request exact sleeps there. [`Accuracy`](crate::Accuracy#platforms) describes their
    ///   sleeps.
    ///
    /// On Apple systems, `set_for_process` returns `EOPNOTSUPP` if `true` is combined with
    /// `SCHED_FIFO` or `SCHED_RR`. If the system refuses the real-time policy, no call fails, and
    /// the thread has the ordinary policy.
    ///
    /// ```
    /// use portable_timerfd::backends::userspace::ThreadOptions;
    ///
    /// ThreadOptions::new().exact_sleep(true).set_for_process()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn exact_sleep(mut self, is_exact: bool) -> ThreadOptions {
        self.exact_sleep = is_exact;
        self
    }

    pub(crate) fn has_exact_sleep(&self) -> bool {
        self.exact_sleep
    }

    pub(crate) fn chosen_policy(&self) -> ThreadPolicy {
        self.policy
    }

    pub(crate) fn chosen_cpus(&self) -> Option<&[usize]> {
        self.cpus.as_deref()
    }

    /// Whether the list of CPUs is not empty and contains only valid numbers.
    pub(crate) fn has_valid_cpus(&self) -> bool {
        self.cpus.as_ref().map_or(true, |cpus| !cpus.is_empty() && cpus.iter().all(|&cpu| cpu < MOST_CPUS))
    }
}

impl FromStr for ThreadOptions {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<ThreadOptions> {
        parse(text).ok_or_else(|| os_error(EINVAL))
    }
}

fn parse(text: &str) -> Option<ThreadOptions> {
    let (policy, cpus) = text.split_once('@').map_or((text, None), |(policy, cpus)| (policy, Some(cpus)));
    // Only `other` can have exact sleeps, as on Apple systems, so that a text means the same
    // everywhere.
    let exact_sleep = policy == "other+exact";
    let policy = match policy.split_once(':') {
        None if exact_sleep || policy == "other" => ThreadPolicy::Other,
        Some(("fifo", priority)) => ThreadPolicy::Fifo(number(priority)?.try_into().ok()?),
        Some(("rr", priority)) => ThreadPolicy::RoundRobin(number(priority)?.try_into().ok()?),
        _ => return None,
    };
    let cpus = match cpus {
        Some(list) => Some(parse_cpus(list)?),
        None => None,
    };
    Some(ThreadOptions { policy, cpus, exact_sleep })
}

fn parse_cpus(list: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last >= MOST_CPUS {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// Parses a number that consists only of decimal digits.
fn number(digits: &str) -> Option<usize> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_str_parses_policy_priority_exact_sleep_and_cpus() {
        let options = ThreadOptions::new();
        for (text, expected) in [
            ("other", options.clone()),
            ("fifo:60", options.clone().policy(ThreadPolicy::Fifo(60))),
            ("rr:10@0,2-3", options.clone().policy(ThreadPolicy::RoundRobin(10)).cpus([0, 2, 3])),
            ("other+exact", options.clone().exact_sleep(true)),
            ("other+exact@1", options.clone().exact_sleep(true).cpus([1])),
            ("other@1", options.cpus([1])),
        ] {
            assert_eq!(text.parse::<ThreadOptions>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn from_str_returns_einval_for_malformed_text() {
        for text in [
            "",
            "fifo",
            "fifo:",
            "fifo:+6",
            "fifo:256",
            "rr",
            "rr:-1",
            "other:1",
            "other:",
            "FIFO:6",
            " fifo:6",
            "fifo:6 ",
            "@1",
            "other@",
            "other@,",
            "other@1,",
            "other@a",
            "other@3-2",
            "other@1-",
            "other@-1",
            "other@1-2-3",
            "other@8192",
            "other@0-99999999999999999999",
            "idle",
            "batch",
            "other@1@2",
            "+exact",
            "exact",
            "other+",
            "other+inexact",
            "other+exact+exact",
            "other@1+exact",
            "fifo+exact:6",
            "fifo:10+exact",
            "rr:10+exact@0",
        ] {
            let refused = text.parse::<ThreadOptions>().unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(EINVAL), "{text:?}");
        }
    }

    #[test]
    fn a_cpu_list_is_valid_if_it_is_not_empty_and_no_number_is_too_high() {
        let with = |cpus: &[usize]| ThreadOptions::new().cpus(cpus.iter().copied()).has_valid_cpus();
        assert!(ThreadOptions::new().has_valid_cpus() && with(&[MOST_CPUS - 1]));
        assert!(!with(&[]) && !with(&[0, MOST_CPUS]));
    }
}
