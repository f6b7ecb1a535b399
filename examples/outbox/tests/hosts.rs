//! Runs the hosts on both backends: a real exchange with a peer that drops every third request.

use portable_timerfd::{backends, Clock};
use std::path::PathBuf;
use std::process::Command;

/// Returns the output of a host, which ends by itself. Cargo builds the hosts with the tests.
fn output(host: &str, backend: &str) -> String {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.extend(["examples", host]);
    let output = Command::new(path).env("PORTABLE_TIMERFD_BACKEND", backend).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{host} on {backend}: {}\n{text}", output.status);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    text
}

/// Returns the numbers of a line that otherwise consists of these words.
fn numbers<const N: usize>(line: &str, words: [&str; N]) -> [u32; N] {
    let parts: Vec<&str> = line.split(", ").flat_map(|part| part.split_once(' ')).flat_map(<[&str; 2]>::from).collect();
    assert_eq!(parts.iter().skip(1).step_by(2).copied().collect::<Vec<_>>(), words, "{line}");
    let numbers: Vec<u32> = parts.iter().step_by(2).map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

/// Checks that each request was transmitted before it was acknowledged once. Returns the number of
/// requests.
fn check_requests(lines: &[&str]) -> usize {
    let mut states: Vec<&str> = Vec::new();
    for line in lines {
        let (id, event) = line.strip_prefix("request ").unwrap().split_once(": ").unwrap();
        let index = id.parse::<usize>().unwrap() - 1;
        if index == states.len() {
            assert_eq!(event, "transmitted", "{line}");
            states.push(event);
        } else {
            assert_eq!(std::mem::replace(&mut states[index], event), "transmitted", "{line}");
        }
    }
    assert!(states.iter().all(|&state| state == "acknowledged"), "{states:?}");
    states.len()
}

fn check(host: &str) {
    for backend in backends::ALL.iter().filter(|backend| backend.capabilities(Clock::Monotonic).is_ok()) {
        let text = output(host, backend.name());
        let lines: Vec<&str> = text.lines().collect();
        let [requests @ .., arrived, counts] = &lines[..] else { panic!("{text}") };
        let requests_sent = check_requests(requests);
        assert_eq!(*arrived, format!("{requests_sent} requests with 18 messages arrived"));
        let [transmissions, dropped, heartbeats] = numbers(counts, ["transmissions", "dropped", "heartbeats"]);
        let printed = requests.iter().filter(|line| line.ends_with("transmitted")).count();
        assert_eq!(transmissions as usize, printed);
        assert_eq!(dropped, transmissions / 3);
        // A retry comes later than the first heartbeat, and there is a retry.
        assert!(dropped >= 3 && heartbeats >= 1, "{counts}");
    }
}

#[test]
fn a_host_with_poll_delivers_every_message() {
    check("outbox_poll");
}

#[test]
fn a_host_with_tokio_delivers_every_message() {
    check("outbox_tokio");
}
