//! Differential tests: the same random calls on a kernel timer and on an emulated timer. Results
//! that do not depend on the microsecond must be equal. Other results must lie between the clock's
//! readings before and after the call.
//!
//! `DIFFERENTIAL_CALLS=1000000 cargo test --release --test differential` makes a million calls on
//! each.

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod bounds;
        #[path = "../common/mod.rs"]
        mod common;
        mod compare;
        #[path = "../common/random.rs"]
        mod random;
        mod script;
        mod tested;

        use random::{number_from_env, play_many};
        use script::script;
        use std::cell::Cell;

        #[test]
        fn random_calls_give_the_same_on_the_kernel_and_on_the_emulation() {
            let wanted = number_from_env("DIFFERENTIAL_CALLS", 20_000);
            let calls = Cell::new(0);
            // A script has more than thirty calls on average.
            play_many(&script(), wanted / 20 + 1, |script| {
                if calls.get() < wanted {
                    compare::play(script, compare::backends(), &|_| calls.set(calls.get() + 1))
                } else {
                    Ok(())
                }
            });
            assert!(calls.get() >= wanted);
            println!("{} calls on each, and no difference", calls.get());
        }
    } else {
        #[test]
        #[ignore = "only Linux has the kernel's timers"]
        fn random_calls_give_the_same_on_the_kernel_and_on_the_emulation() {}
    }
}
