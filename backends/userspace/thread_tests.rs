//! Which timer gets a count that its pipe refused.

use super::*;
use crate::backends::emulation::queue::Queues;
use crate::backends::sys::pipe::pipe;

#[test]
fn a_refused_count_returns_to_its_own_timer_once() {
    let mut timers = Queues::<(), (), 1>::new();
    let (timer, other) = (timers.register(), timers.register());
    let (reader, writer) = pipe(true, true).unwrap();
    // A pipe without a reader refuses every message.
    drop(reader);
    let in_flight = InFlight::default();
    assert!(!in_flight.lock().run(timer, &PipeWrite::new(&writer, 7)));
    assert_eq!(in_flight.wait(other), None);
    assert_eq!(in_flight.wait(timer), Some(7));
    assert_eq!(in_flight.wait(timer), None);
}

#[test]
fn a_written_count_returns_to_no_timer() {
    let timer = Queues::<(), (), 1>::new().register();
    let (_reader, writer) = pipe(true, true).unwrap();
    let in_flight = InFlight::default();
    assert!(in_flight.lock().run(timer, &PipeWrite::new(&writer, 7)));
    assert_eq!(in_flight.wait(timer), None);
}
