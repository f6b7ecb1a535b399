//! Plays each call on one timer per backend and compares the results.

use crate::script::{Op, Script};
use crate::tested::{Checked, Exact, Outcome, Tested};
use portable_timerfd::{backends, Backend, Clock};
use std::time::Duration;

struct Comparison {
    clock: Clock,
    pair: [Tested; 2],
}

impl Comparison {
    fn new(clock: Clock, backends: [Backend; 2]) -> Comparison {
        Comparison { clock, pair: backends.map(|backend| Tested::new(backend, clock)) }
    }

    fn play(&mut self, op: Op) -> Checked<()> {
        if let Op::Sleep(nanos) = op {
            std::thread::sleep(Duration::from_nanos(nanos));
        }
        // A setting may come at any moment. Other calls are made only when both backends must have
        // noticed the first expiration.
        if !matches!(op, Op::Settime { .. } | Op::Disarm) {
            self.pair.iter_mut().try_for_each(Tested::pass_the_first)?;
        }
        let now = self.clock.now().unwrap();
        let [one, other] = &mut self.pair;
        let outcomes = [one.play(op, now)?, other.play(op, now)?];
        // The other backend goes first in the next call.
        self.pair.swap(0, 1);
        match outcomes {
            [Ok(Exact::AsTheClockSays), _] | [_, Ok(Exact::AsTheClockSays)] => Ok(()),
            [one, other] if one == other => Ok(()),
            outcomes => Err(differs(outcomes, &self.pair)),
        }
    }
}

fn differs([one, other]: [Outcome; 2], pair: &[Tested; 2]) -> String {
    // The two have been swapped since.
    format!("{} gives {one:?}\n{} gives {other:?}", pair[1].name(), pair[0].name())
}

/// The backends to compare.
pub fn backends() -> [Backend; 2] {
    [backends::kernel::BACKEND, backends::userspace::BACKEND]
}

/// Plays this script on both backends, and returns their difference as an error. Calls `count`
/// before each call.
pub fn play(script: &Script, backends: [Backend; 2], count: &dyn Fn(Op)) -> Checked<()> {
    let mut comparison = Comparison::new(script.clock, backends);
    for (index, &op) in script.ops.iter().enumerate() {
        count(op);
        comparison.play(op).map_err(|what| format!("call {}, {op}\n{what}", index + 1))?;
    }
    Ok(())
}
