//! Runs the examples as a user does, on every backend, and checks their output and exit status.

#[path = "../examples/common/commands.rs"]
mod commands;
#[path = "common/mod.rs"]
mod common;
#[path = "common/servers.rs"]
mod servers;

use commands::Command::{Stop, Unknown};
use commands::Commands;
use common::backends_here;
use servers::{on_every_backend, program, Server};
use std::io::{BufRead, BufReader, Write};
use std::iter;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Runs the check for each server, all at once, because they mostly wait.
fn on_each_server(check: impl Fn(Command, &str) + Sync) {
    thread::scope(|scope| {
        for name in SERVERS {
            for backend in backends_here().map(|backend| backend.name()) {
                let mut program = program(name);
                program.args(["--backend", backend]);
                scope.spawn(|| check(program, backend));
            }
        }
    });
}

fn output(program: &mut Command) -> (Output, String) {
    let output = program.output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text)
}

/// The servers. Those of the loops exist only if cargo has enabled their features.
const SERVERS: &[&str] = &[
    "stop_server",
    "select_server",
    #[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
    "calloop_server",
    "mio_server",
    "tokio_server",
];

#[test]
fn ticker_ticks_four_times_first_after_a_second() {
    on_every_backend("ticker", |mut program, _| {
        let begun = Instant::now();
        let (output, text) = output(&mut program);
        assert!(output.status.success());
        assert_eq!(text, "Timer expired\n".repeat(4));
        assert!(begun.elapsed() >= Duration::from_millis(2500));
    });
}

#[test]
fn mixed_reports_both_timers_and_the_socket() {
    let (output, text) = output(&mut program("mixed"));
    assert!(output.status.success());
    for backend in backends_here().map(|backend| backend.name()) {
        assert!(text.contains(&format!("The {backend} timer expired 1 times")), "{text}");
        assert!(text.contains(&format!("The socket brings word of the {backend} timer")), "{text}");
    }
}

#[test]
fn reactor_counts_the_seconds_until_it_is_interrupted() {
    on_every_backend("reactor", |mut program, _| {
        let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let begun = Instant::now();
        let first = lines.next().unwrap().unwrap();
        assert!(first.starts_with("Timer triggered ("), "{first}");
        lines.next().unwrap().unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(1));
        let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::SIGINT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    });
}

/// Adds up the expirations of each timer from the lines that a server prints.
fn add_count(counts: &mut [u64; 3], line: &str) {
    if let ["Timer", number, "expired", count, "times"] = line.trim_end().split(' ').collect::<Vec<_>>()[..] {
        counts[number.parse::<usize>().unwrap() - 1] += count.parse::<u64>().unwrap();
    }
}

#[test]
fn servers_count_every_period() {
    on_each_server(|program, backend| {
        let name = format!("{program:?}");
        let begun = Instant::now();
        let mut server = Server::start(program);
        let mut counts = [0; 3];
        // The interrupt of one timer may be late when that of another is not.
        while counts[0] < 12 || counts[1] < 6 || counts[2] < 4 {
            add_count(&mut counts, &server.until("Timer "));
        }
        server.connect().write_all(b"stop").unwrap();
        server.end().lines().for_each(|line| add_count(&mut counts, line));
        // Timer 3 was started last and has run for three seconds, so the other timers have run for
        // at least that long.
        for (count, (period, least)) in counts.into_iter().zip([(250, 12), (500, 6), (750, 4)]) {
            let most = begun.elapsed().as_millis() / period;
            assert!(count >= least && u128::from(count) <= most, "{name} on {backend}: {counts:?}");
        }
    });
}

#[test]
fn servers_serve_several_clients_with_any_input() {
    on_each_server(|program, _| {
        let mut server = Server::start(program);
        let (mut first, mut second) = (server.connect(), server.connect());
        drop(server.connect());
        server.until("Closing connection");
        first.write_all(b"hello").unwrap();
        assert_eq!(server.until("Unknown command"), "Unknown command: hello");
        second.write_all(b"\xff\xfe\nsecond\r\nthird\n").unwrap();
        assert_eq!(server.until("Unknown command"), "Unknown command: \u{fffd}\u{fffd}");
        assert_eq!(server.until("Unknown command"), "Unknown command: second");
        assert_eq!(server.until("Unknown command"), "Unknown command: third");
        drop(second);
        server.until("Closing connection");
        first.write_all(b"st").unwrap();
        server.until("Reading data");
        // The client is silent for so long that the server would end the command, if the input so
        // far were not the beginning of a known command.
        server.until("Timer 3 expired");
        server.until("Timer 3 expired");
        first.write_all(b"op").unwrap();
        server.end();
    });
}

/// What a server with `--quiet` may print.
const ABOUT_CLIENTS: [&str; 5] =
    ["Accepting connection ", "Accepted connection ", "Reading data ", "Unknown command: ", "Stopping server"];

#[test]
fn quiet_servers_print_only_lines_about_clients() {
    on_each_server(|mut program, backend| {
        let name = format!("{program:?}");
        program.arg("--quiet");
        let mut server = Server::start(program);
        let mut client = server.connect();
        let mut lines = Vec::new();
        // A command without a newline ends at an expiration of timer 1. After four commands, timer 3
        // has expired too.
        for _ in 0..4 {
            client.write_all(b"hello").unwrap();
            let mut is_done = false;
            while !is_done {
                let line = server.until("");
                is_done = line == "Unknown command: hello";
                lines.push(line);
            }
        }
        client.write_all(b"stop").unwrap();
        lines.extend(server.end().lines().map(str::to_owned));
        let accepting = lines.iter().filter(|line| line.starts_with("Accepting connection ")).count();
        assert_eq!(accepting, 1, "{name} on {backend}: {lines:?}");
        for line in lines {
            assert!(ABOUT_CLIENTS.iter().any(|text| line.starts_with(text)), "{name} on {backend}: {line}");
        }
    });
}

/// Returns the commands in these packets, followed by silence and the end of the connection.
fn commands(packets: &[&[u8]]) -> Vec<String> {
    let mut commands = Commands::default();
    let mut made = Vec::new();
    for packet in packets {
        commands.feed(packet);
        made.extend(iter::from_fn(|| commands.next()).take_while(|command| *command != Stop).collect::<Vec<_>>());
        if commands.next() == Some(Stop) {
            made.push(Stop);
            break;
        }
    }
    if made.last() != Some(&Stop) {
        assert_eq!(commands.when_silent(), None, "not silent yet");
        made.extend(commands.when_silent());
        made.extend(commands.rest());
    }
    made.into_iter().map(|command| if let Unknown(text) = command { text } else { "STOP".to_owned() }).collect()
}

#[test]
fn commands_are_separated_in_any_sequence_of_packets() {
    assert_eq!(commands(&[b"stop"]), ["STOP"]);
    assert_eq!(commands(&[b"s", b"t", b"o", b"p\n"]), ["STOP"]);
    assert_eq!(commands(&[b"hello", b"stop"]), ["hello", "STOP"]);
    assert_eq!(commands(&[b"hello", b"st", b"op"]), ["hello", "STOP"]);
    assert_eq!(commands(&[b"hello\r\n\nstop\n"]), ["hello", "STOP"]);
    assert_eq!(commands(&[b"un", b"known\nmo", b"re"]), ["unknown", "more"]);
    assert_eq!(commands(&[b"sto"]), ["sto"]);
    assert_eq!(commands(&[b"\xc3", b"\xa4\n\xff"]), ["ä", "\u{fffd}"]);
    assert_eq!(commands(&[&[b'x'; 2500]]).iter().map(String::len).collect::<Vec<_>>(), [1024, 1024, 452]);
    assert_eq!(commands(&[b"\x1b[2J\n"]), ["\u{fffd}[2J"]);
    assert_eq!(commands(&[b""]), [""; 0]);
}

#[test]
fn no_command_of_many_concurrent_clients_is_lost() {
    static NOISE: [u8; 50_000] = [b'x'; 50_000];
    for name in SERVERS {
        on_every_backend(name, |program, _| {
            let mut server = Server::start(program);
            let connect = || server.connect();
            let senders: Vec<_> = std::iter::repeat_with(connect)
                .take(20)
                .map(|mut client| thread::spawn(move || client.write_all(&NOISE).unwrap()))
                .collect();
            let (mut reported, mut closed) = (0, 0);
            while closed < senders.len() {
                let line = server.until("");
                reported += line.strip_prefix("Unknown command: ").map_or(0, str::len);
                closed += usize::from(line.starts_with("Closing connection"));
            }
            assert_eq!(reported, senders.len() * NOISE.len());
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            server.connect().write_all(b"stop").unwrap();
            server.end();
        });
    }
}

#[track_caller]
fn assert_complains(program: &mut Command, status: i32, of: &[&str]) {
    let output = program.output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    for word in of {
        assert!(complaint.contains(word), "{complaint}");
    }
}

#[test]
fn bad_input_gets_one_clear_line_and_a_status() {
    for name in ["ticker", "reactor", "mixed", "timer_set_keepalive", "keepalive_server"].iter().chain(SERVERS) {
        assert_complains(program(name).arg("--colour"), 2, &[name, "--colour", "usage"]);
        assert_complains(program(name).args(["--backend", "sundial"]), 2, &["sundial", "kernel", "userspace"]);
        assert_complains(program(name).arg("--backend"), 2, &["--backend"]);
        assert_complains(program(name).args(["127.0.0.1:0", "again"]), 2, &["usage"]);
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for name in SERVERS.iter().chain(&["keepalive_server"]) {
        assert_complains(program(name).arg(&address), 1, &[&address, "in use"]);
        assert_complains(program(name).arg("nowhere"), 1, &["nowhere"]);
    }
}

#[test]
fn a_bad_number_of_seconds_gets_one_clear_line_and_a_status() {
    for option in ["--idle", "--grace"] {
        assert_complains(program("keepalive_server").arg(option), 2, &[option, "usage"]);
        for value in ["soon", "-1", "nan", "1e300"] {
            assert_complains(program("keepalive_server").args([option, value]), 2, &[value, "usage"]);
            assert_complains(program("stop_server").args([option, value]), 2, &[option, "usage"]);
        }
    }
}
