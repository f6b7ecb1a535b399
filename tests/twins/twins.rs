//! A timer of each backend, and each call on both.

use crate::row::{Exact, Outcome, Row, Said};
use crate::script::{Op, Script};
use portable_timerfd::{backends, Backend, Clock};
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

/// The backends that are compared.
pub fn backends() -> [&'static Backend; 2] {
    ["kernel", "userspace"].map(|name| backends::named(name).unwrap())
}

/// How the two differ, if they do, in playing this script; `count` is told of each call.
pub fn play(script: &Script, backends: [&'static Backend; 2], count: &dyn Fn(Op)) -> Said<()> {
    let mut twins = Twins::new(script.clock, backends);
    for (index, &op) in script.ops.iter().enumerate() {
        count(op);
        twins.play(op).map_err(|what| format!("call {}, {op}\n{what}", index + 1))?;
    }
    Ok(())
}
