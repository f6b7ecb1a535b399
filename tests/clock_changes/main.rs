//! Clock changes and suspends on the userspace backend. The system's clocks stay unchanged: this
//! program has its own `clock_gettime`, whose clocks the tests set.

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod bounds;
        mod cancel;
        mod clocks;
        #[path = "../common/mod.rs"]
        mod common;
        mod follow;
        #[path = "../common/measured.rs"]
        mod measured;
        mod slew;

        use clocks::{alone, left, now, open, open_blocking, open_on, step_wall_clock, suspend, watching};
        use common::*;
    } else {
        #[test]
        #[ignore = "the program replaces `clock_gettime` by a system call of Linux"]
        fn clock_changes() {}
    }
}
