//! Plays random scripts. Prints their seed; if a script fails, shrinks and prints it.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::hash::{BuildHasher, RandomState};

/// Returns a number that an environment variable may set.
pub fn number_from_env(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap_or_else(|e| panic!("{variable}: {e}")))
}

/// Plays scripts until one fails, or until `many` have been played. `RANDOM_SEED` plays the scripts
/// of an earlier run again.
pub fn play_many<S>(scripts: &S, many: u64, play: impl Fn(&S::Value) -> Result<(), String>)
where
    S: Strategy,
    S::Value: Debug + Display,
{
    let seed = number_from_env("RANDOM_SEED", RandomState::new().hash_one("seed"));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(many).unwrap(),
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let failed = Cell::new(false);
    let result = runner.run(scripts, |script| {
        // A failure that depends on timing may be rarer in a shorter script.
        let times = if failed.get() { 20 } else { 1 };
        (0..times).try_for_each(|_| play(&script)).map_err(|reason| {
            failed.set(true);
            TestCaseError::fail(reason)
        })
    });
    match result {
        Ok(()) => println!("{many} scripts, RANDOM_SEED={seed}"),
        Err(TestError::Fail(reason, script)) => panic!("{reason}\nRANDOM_SEED={seed} finds it again in:\n{script}"),
        Err(TestError::Abort(reason)) => panic!("RANDOM_SEED={seed}: {reason}"),
    }
}
