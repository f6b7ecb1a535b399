//! Shortened copies of programs that use the `timerfd` crate. Each file is compiled twice, and only
//! the `use` line differs.
//!
//! Where that crate panics, this project's compatibility layer returns a result. This code ignores
//! the result, as it was written to.
#![allow(unused_must_use)]

pub mod firecracker {
    #[cfg(target_os = "linux")]
    pub mod before {
        use timerfd::{ClockId, SetTimeFlags, TimerFd, TimerState};
        include!("firecracker.rs");
    }

    pub mod after {
        use portable_timerfd::compat::timerfd::{ClockId, SetTimeFlags, TimerFd, TimerState};
        include!("firecracker.rs");
    }
}

pub mod wldash {
    #[cfg(target_os = "linux")]
    pub mod before {
        use timerfd::{SetTimeFlags, TimerFd, TimerState};
        include!("wldash.rs");
    }

    pub mod after {
        use portable_timerfd::compat::timerfd::{SetTimeFlags, TimerFd, TimerState};
        include!("wldash.rs");
    }
}

/// Checks that the programs still work.
#[cfg(test)]
mod tests {
    use super::{firecracker, wldash};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    macro_rules! on_both {
        ($user:ident, $play:ident) => {{
            #[cfg(target_os = "linux")]
            $play!($user::before);
            $play!($user::after);
        }};
    }

    #[test]
    fn a_balloon_asks_for_statistics_as_often_as_it_is_told_to() {
        macro_rules! play {
            ($user:ident::$version:ident) => {{
                use $user::$version::Balloon;
                let mut balloon = Balloon::new(Duration::ZERO);
                assert!(!balloon.is_asking());
                balloon.update_interval(Duration::from_millis(2));
                assert!(balloon.is_asking());
                for asked in 1..=3 {
                    while !balloon.handle_events() {}
                    assert_eq!(balloon.asked, asked);
                }
                balloon.update_interval(Duration::ZERO);
                assert!(!balloon.handle_events());
            }};
        }
        on_both!(firecracker, play);
    }

    #[test]
    fn metrics_are_written_each_period() {
        macro_rules! play {
            ($user:ident::$version:ident) => {{
                let mut metrics = $user::$version::PeriodicMetrics::start(Duration::from_millis(2));
                while metrics.written < 3 {
                    metrics.handle_event();
                }
            }};
        }
        on_both!(firecracker, play);
    }

    #[test]
    fn a_dashboard_wakes_up_for_input_and_in_time() {
        macro_rules! play {
            ($user:ident::$version:ident) => {{
                use std::io::Write;
                let (input, mut writer) = UnixStream::pair().unwrap();
                let mut wakeups = $user::$version::Wakeups::new();
                assert!(wakeups.wait(&input, Some(Duration::from_millis(2))));
                writer.write_all(b"x").unwrap();
                assert!(!wakeups.wait(&input, Some(Duration::from_secs(3600))));
                assert!(!wakeups.wait(&input, None));
            }};
        }
        on_both!(wldash, play);
    }
}
