//! The three timers of the example servers, and the code that depends on them, in simulated time.

#[path = "../../examples/common/commands.rs"]
mod commands;
#[path = "../../examples/common/timers.rs"]
mod timers;

use crate::common::*;
use crate::{ms, realtime};
use commands::{Command, Commands};
use portable_timerfd::{SimulatedClock, TimerFd};

fn armed(simulated: &SimulatedClock) -> Vec<TimerFd> {
    let timers = timers::open(|clock| simulated.timer(clock).map(TimerFd::from)).unwrap();
    timers::arm(&timers).unwrap();
    timers
}

/// Returns the numbers and counts of the readable timers.
fn expirations(timers: &[TimerFd]) -> Vec<(usize, u64)> {
    let ready = timers.iter().zip(1..).filter(|(timer, _)| is_readable(timer));
    ready.map(|(timer, number)| (number, timers::expirations(timer).unwrap().unwrap())).collect()
}

#[test]
fn the_servers_timers_expire_every_quarter_half_and_three_quarters_of_a_second_for_an_hour() {
    let simulated = SimulatedClock::new();
    let timers = armed(&simulated);
    for quarter in 1..=4 * 3_600 {
        assert_eq!(simulated.advance_to_next(), Some(ms(250)));
        let due: Vec<(usize, u64)> = (1..=3).filter(|number| quarter % number == 0).map(|number| (number, 1)).collect();
        assert_eq!(expirations(&timers), due, "quarter {quarter}");
    }
}

#[test]
fn a_delayed_server_gets_the_full_count_of_each_timer() {
    let simulated = SimulatedClock::new();
    let timers = armed(&simulated);
    simulated.advance(10 * SECOND);
    assert_eq!(expirations(&timers), [(1, 40), (2, 20), (3, 13)]);
    assert_eq!(simulated.advance_to_next(), Some(ms(250)));
    assert_eq!(timers::expirations(&timers[1]).unwrap(), None, "not every one is due");
}

#[test]
fn the_servers_timers_ignore_clock_steps_and_suspends() {
    let simulated = SimulatedClock::new();
    let timers = armed(&simulated);
    simulated.set_realtime(realtime(2 * simulated.now(timers[0].clock()).since_zero())).unwrap();
    simulated.suspend(HOUR);
    simulated.set_realtime(realtime(SECOND)).unwrap();
    assert_eq!(expirations(&timers), []);
    simulated.advance(ms(750));
    assert_eq!(expirations(&timers), [(1, 3), (2, 1), (3, 1)]);
}

/// At the second expiration of timer 1 without new data, the data of a client without a line end is
/// a command.
#[test]
fn a_command_without_a_lines_end_ends_when_the_client_falls_silent() {
    let simulated = SimulatedClock::new();
    let timers = armed(&simulated);
    let mut commands = Commands::default();
    let mut quarters_until_obeyed = |text: &str| {
        commands.feed(text.as_bytes());
        assert_eq!(commands.next(), None);
        (1..=8).find(|_| {
            simulated.advance(ms(250));
            let is_time = timers::expirations(&timers[0]).unwrap().is_some();
            is_time && commands.when_silent() == Some(Command::Unknown(text.into()))
        })
    };
    assert_eq!([quarters_until_obeyed("hello"), quarters_until_obeyed("again")], [Some(2); 2]);
    assert_eq!(quarters_until_obeyed("sto"), None, "it may become stop");
}
