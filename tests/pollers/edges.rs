//! Edge-triggered modes, where `polling` has them: a loop on `poll(2)` has none.

use crate::poller_behaviour::HERE;
use crate::setup::{keys, poller, register};
use crate::support::*;
use polling::{Event, PollMode};
use portable_timerfd::{backends, Backend, Registered, Timer};
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    edge_oneshot_reports_once_and_again_when_asked,
    a_timer_in_two_loops_makes_an_edge_in_each,
    a_short_read_is_an_edge_where_documented,
];

const NOW: Option<Duration> = Some(Duration::ZERO);

fn edge_oneshot_reports_once_and_again_when_asked(backend: Backend) {
    let poller = poller();
    let timer = register(backend, &poller, 5, PollMode::EdgeOneshot);
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(keys(&poller, None), [5]);
    timer.read().unwrap();
    timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&*timer);
    assert!(keys(&poller, NOW).is_empty(), "the interest was not renewed");
    timer.modify(Event::readable(6), PollMode::EdgeOneshot).unwrap();
    assert_eq!(keys(&poller, None), [6]);
    assert!(keys(&poller, NOW).is_empty());
}

fn a_timer_in_two_loops_makes_an_edge_in_each(backend: Backend) {
    let pollers = [poller(), poller()];
    let timer = Arc::new(open(backend));
    let enter = |poller| Registered::new(poller, Arc::clone(&timer), Event::readable(5), PollMode::Edge).unwrap();
    let _entries = [enter(&pollers[0]), enter(&pollers[1])];
    for _ in 0..3 {
        timer.arm_after(ms(1)).unwrap();
        for poller in &pollers {
            assert_eq!(keys(poller, None), [5]);
            assert!(keys(poller, NOW).is_empty());
        }
    }
}

/// The kernel refuses such a read, and keeps the count.
fn a_short_read_is_an_edge_where_documented(backend: Backend) {
    let is_kernel = backend == backends::kernel::BACKEND;
    let poller = poller();
    let timer = register(backend, &poller, 5, PollMode::Edge);
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(keys(&poller, None), [5]);
    assert_eq!(nix::unistd::read(&*timer, &mut [0; 3]).is_ok(), !is_kernel);
    let expected: &[usize] = if HERE.short_read_is_an_edge && !is_kernel { &[5] } else { &[] };
    assert_eq!(keys(&poller, NOW), expected);
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(keys(&poller, None), [5], "the next message is an edge");
}
