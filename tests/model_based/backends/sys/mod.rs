//! The model of the system, with the names that the emulation uses. Pipes are real; all waiting
//! happens in the model.

#[path = "../../../../backends/sys/error.rs"]
pub(crate) mod error;
pub(crate) mod fd;
pub(crate) mod pipe;
pub(crate) mod read_end;
#[path = "../../../../backends/sys/set_once.rs"]
pub(crate) mod set_once;
pub(crate) mod sync;
#[path = "../../../../backends/sys/thread_options.rs"]
pub(crate) mod thread_options;

/// The clocks of the model.
pub(crate) mod clock {
    use crate::clock::Clock;
    use crate::clock_time::ClockTime;
    use crate::model::MODEL;
    use std::io;
    use std::time::Duration;

    impl Clock {
        pub fn now(self) -> io::Result<ClockTime> {
            Ok(ClockTime::new(self, now(self)?))
        }
    }

    pub(crate) fn now(clock: Clock) -> io::Result<Duration> {
        Ok(Duration::from_nanos(MODEL.time(clock)))
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct WallOffset {
        pub(crate) time: u64,
        pub(crate) offset: i64,
        pub(crate) error: u64,
    }

    pub(crate) fn wall_offset() -> WallOffset {
        WallOffset { time: MODEL.time(Clock::Monotonic), offset: MODEL.wall_offset(), error: 0 }
    }

    pub(crate) fn max_slew_ppm() -> u32 {
        0
    }

    pub(crate) fn thread_cpu_time() -> u64 {
        0
    }

    pub(crate) fn refresh_pause() -> u64 {
        1_500_000
    }

    pub(crate) fn counts_suspend(_clock: Clock) -> Option<bool> {
        None
    }

    pub(crate) fn may_wake_the_system() -> io::Result<()> {
        Ok(())
    }
}

/// Each run of a scenario is one process with its own values, and no run forks.
pub(crate) mod fork {
    use crate::model::MODEL;
    use std::collections::BTreeMap;
    use std::io;
    use std::sync::Mutex;

    pub(crate) fn generation() -> usize {
        MODEL.generation
    }

    pub(crate) struct PerProcess<T: 'static>(Mutex<BTreeMap<usize, &'static T>>);

    impl<T: Send + Sync> PerProcess<T> {
        pub(crate) const fn new() -> PerProcess<T> {
            PerProcess(Mutex::new(BTreeMap::new()))
        }

        pub(crate) fn get_or_make(&'static self, make: impl FnOnce() -> T) -> io::Result<&'static T> {
            let mut made = self.0.lock().unwrap();
            Ok(made.entry(generation()).or_insert_with(|| Box::leak(Box::new(make()))))
        }

        pub(crate) fn inherited(&'static self) -> Option<&'static T> {
            None
        }
    }
}

/// Reads that never wait.
pub(crate) mod nowait {
    pub(crate) use super::fd::read_now as read_count;
    use std::io;
    use std::os::fd::BorrowedFd;

    pub(crate) fn must_wait(_fd: BorrowedFd<'_>) -> bool {
        false
    }

    pub(crate) fn take_count(fd: BorrowedFd<'_>) -> io::Result<u64> {
        match read_count(fd) {
            Ok(count) => Ok(count.unwrap_or(0)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(e) => Err(e),
        }
    }
}

/// The timer thread is a thread of the model.
pub(crate) mod thread {
    use super::thread_options::ThreadOptions;
    use crate::model::MODEL;
    use std::io;

    pub(crate) trait Body: Sync + 'static {
        fn run(&'static self);
    }

    pub(crate) fn check(_options: &ThreadOptions) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn spawn<T: Body>(on: &'static T, _options: Option<&ThreadOptions>) -> io::Result<()> {
        MODEL.start_timer_thread(|| on.run());
        Ok(())
    }
}

/// No run forks, so no descriptor is listed for a child.
pub(crate) mod fork_table {
    use std::io;

    pub(crate) struct PipeEntry;

    impl PipeEntry {
        pub(crate) fn release(&self) {}
    }

    pub(crate) fn reserve() -> io::Result<&'static PipeEntry> {
        Ok(&PipeEntry)
    }
}

/// The model never duplicates its read ends.
pub(crate) mod short_lived {
    use std::io;

    pub(crate) fn reserve_number() -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn release_number() {}
}

/// The model does not search for open files.
pub(crate) mod open_files {
    use super::fd::Identity;
    use std::os::fd::RawFd;

    pub(crate) struct OpenFiles;

    impl OpenFiles {
        pub(crate) fn now() -> OpenFiles {
            OpenFiles
        }

        pub(crate) fn has_another(&self, _file: Identity, _beside: [RawFd; 2]) -> bool {
            true
        }

        pub(crate) fn scanned(&self) -> usize {
            0
        }
    }
}
