//! Twins: the same random calls on a timer of the kernel's and on one of the emulation's. What does not depend on the
//! microsecond must be the same, and what does must lie between what the clock says before the call and after it.
//!
//! `TWINS_CALLS=1000000 cargo test --release --test twins` makes a million calls on each.
#![cfg(target_os = "linux")]

mod bounds;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/random.rs"]
mod random;
mod row;
mod script;

use portable_timerfd::{backends, Backend, Clock};
use random::{number_from_env, play_many};
use row::{Exact, Outcome, Row, Said};
use script::{script, Op, Script};
use std::cell::Cell;
use std::time::Duration;

struct Twins {
    clock: Clock,
    rows: [Row; 2],
}

impl Twins {
    fn new(clock: Clock, backends: [&'static Backend; 2]) -> Twins {
        Twins { clock, rows: backends.map(|backend| Row::new(backend, clock)) }
    }

    fn play(&mut self, op: Op) -> Said<()> {
        if let Op::Sleep(nanos) = op {
            std::thread::sleep(Duration::from_nanos(nanos));
        }
        // A setting may come at any moment, what is asked for is asked when both must know it.
        if !matches!(op, Op::Settime { .. } | Op::Disarm) {
            self.rows.iter_mut().try_for_each(Row::pass_the_first)?;
        }
        let now = self.clock.now().unwrap();
        let [one, other] = &mut self.rows;
        let outcomes = [one.play(op, now)?, other.play(op, now)?];
        // The other one goes first at the next call.
        self.rows.swap(0, 1);
        match outcomes {
            [Ok(Exact::AsTheClockSays), _] | [_, Ok(Exact::AsTheClockSays)] => Ok(()),
            [one, other] if one == other => Ok(()),
            outcomes => Err(differs(outcomes, &self.rows)),
        }
    }
}

fn differs([one, other]: [Outcome; 2], rows: &[Row; 2]) -> String {
    // They have changed places since.
    format!("{} gives {one:?}\n{} gives {other:?}", rows[1].name(), rows[0].name())
}

/// How the two differ, if they do, in playing this script.
fn play(script: &Script, backends: [&'static Backend; 2], calls: &Cell<u64>) -> Said<()> {
    let mut twins = Twins::new(script.clock, backends);
    for (index, &op) in script.ops.iter().enumerate() {
        calls.set(calls.get() + 1);
        twins.play(op).map_err(|what| format!("call {}, {op}\n{what}", index + 1))?;
    }
    Ok(())
}

#[test]
fn random_calls_give_the_same_on_the_kernel_and_on_the_emulation() {
    let wanted = number_from_env("TWINS_CALLS", 20_000);
    let backends = ["kernel", "userspace"].map(|name| backends::named(name).unwrap());
    let calls = Cell::new(0);
    // A script has thirty calls and more on average.
    play_many(
        &script(),
        wanted / 20 + 1,
        |script| {
            if calls.get() < wanted {
                play(script, backends, &calls)
            } else {
                Ok(())
            }
        },
    );
    assert!(calls.get() >= wanted);
    println!("{} calls on each, and no difference", calls.get());
}
