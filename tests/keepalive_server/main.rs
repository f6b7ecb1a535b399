//! `examples/keepalive_server.rs` with real clients, on every backend.
//!
//! A client may be closed late, because a machine may be busy, but never early. So each test
//! compares the time with the time before the client's last input, and sets no upper bound.

mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../../examples/common/limits.rs"]
mod limits;
#[path = "../common/servers.rs"]
mod servers;
mod stopping;
mod thousands;

use client::Client;
use common::backends_here;
use nix::sys::signal::{kill, Signal};
use nix::sys::wait::{waitpid, WaitPidFlag};
use nix::unistd::Pid;
use servers::{on_every_backend, program, Server};
use std::io::{Read, Write};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const IDLE: Duration = Duration::from_millis(400);

/// Runs the check with a server on each backend, all at once, because they mostly wait.
fn on_every_server(arguments: &[&str], check: impl Fn(Server) + Sync) {
    thread::scope(|scope| {
        for backend in backends_here() {
            let mut program = program("keepalive_server");
            program.args(["--backend", backend.name()]).args(arguments);
            scope.spawn(|| check(Server::start(program)));
        }
    });
}

fn pid(server: &Server) -> Pid {
    Pid::from_raw(server.child.id().try_into().unwrap())
}

#[test]
fn an_idle_client_is_closed_and_never_early() {
    on_every_server(&["--idle", "0.4"], |mut server| {
        assert!(Client::connect(&server).closed() >= IDLE);
        assert_eq!(server.until("Closing"), "Closing client 1: it was idle");
        for inputs in 1..4 {
            let silence = send_slowly(&server, &b"\n\n\n"[..inputs], IDLE / 8).closed();
            assert!(silence >= IDLE, "{silence:?}");
        }
    });
}

/// Sends the bytes, one after each pause. Begins again if this program was too slow.
#[track_caller]
fn send_slowly(server: &Server, bytes: &[u8], pause: Duration) -> Client {
    loop {
        let mut client = Client::connect(server);
        let stayed = bytes.iter().all(|&byte| {
            thread::sleep(pause);
            client.echo(&[byte], IDLE)
        });
        if stayed {
            return client;
        }
    }
}

#[test]
fn an_active_client_is_not_closed_while_idle_ones_are() {
    on_every_server(&["--idle", "0.4"], |server| {
        let idle: Vec<Client> = (0..20).map(|_| Client::connect(&server)).collect();
        // These pauses take three times as long as the idle time.
        let active = send_slowly(&server, b"\n\n\n\n\n\n\n\n\n\n\n\n", IDLE / 4);
        assert!(idle.into_iter().all(|client| client.closed() >= IDLE));
        assert!(active.closed() >= IDLE);
    });
}

#[test]
fn a_client_that_sends_one_byte_at_a_time_is_active() {
    on_every_server(&["--idle", "0.4"], |server| {
        let client = send_slowly(&server, b"one byte at a time\r\n\0\xff", IDLE / 8);
        assert!(client.closed() >= IDLE);
    });
}

#[test]
fn a_client_can_connect_again() {
    on_every_server(&["--idle", "0.4"], |mut server| {
        for number in 0..5 {
            // A client that leaves gives its descriptor to the next one, but not its timeout.
            let mut first = Client::connect(&server);
            first.echo(b"first\n", IDLE);
            drop(first);
            server.until(&format!("Closing client {}: ", 2 * number + 1));
            let mut second = Client::connect(&server);
            thread::sleep(IDLE / 8);
            if second.echo(b"second\n", IDLE) {
                assert!(second.closed() >= IDLE);
            }
        }
    });
}

/// Stops the server as Ctrl-Z does, and waits until it has stopped.
fn suspend(server: &Server) {
    kill(pid(server), Signal::SIGSTOP).unwrap();
    waitpid(pid(server), Some(WaitPidFlag::WUNTRACED)).unwrap();
}

#[test]
fn input_that_arrives_in_time_keeps_a_client_although_the_server_reads_it_late() {
    on_every_server(&["--idle", "0.4"], |server| while !input_while_suspended_is_in_time(&server) {});
}

/// Returns whether this program was fast enough for the test.
fn input_while_suspended_is_in_time(server: &Server) -> bool {
    let mut client = Client::connect(server);
    let begun = Instant::now();
    thread::sleep(IDLE * 3 / 4);
    if !client.echo(b"1", IDLE * 2) {
        return false;
    }
    suspend(server);
    // The set's descriptor becomes readable first, at the first deadline, and the client second.
    thread::sleep((IDLE * 9 / 8).saturating_sub(begun.elapsed()));
    let sent = client.stream.write_all(b"2");
    let is_in_time = client.active.elapsed() < IDLE * 3 / 4;
    thread::sleep(IDLE);
    kill(pid(server), Signal::SIGCONT).unwrap();
    if is_in_time {
        sent.and_then(|()| client.stream.read_exact(&mut [0])).expect("the client was closed early");
        assert!(client.closed() >= IDLE);
    }
    is_in_time
}

#[test]
fn a_client_that_receives_nothing_is_closed_and_delays_no_other() {
    on_every_server(&["--idle", "0.4"], |mut server| {
        let mut deaf = Client::connect(&server);
        thread::scope(|scope| {
            const LIMIT: usize = 1 << 27;
            let flood = scope.spawn(|| deaf.flood(LIMIT));
            send_slowly(&server, b"hello\n", IDLE / 8);
            assert!(flood.join().unwrap() < LIMIT, "the server buffers without a limit");
        });
        server.until("Closing client 1: it was idle");
    });
}

/// Returns the command with a limit of descriptors.
fn with_descriptors(program: &Command, limit: usize) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")]);
    limited.arg(program.get_program()).args(program.get_args());
    limited
}

#[test]
fn clients_beyond_the_limit_of_descriptors_are_served_later() {
    on_every_backend("keepalive_server", |mut program, _| {
        program.args(["--idle", "0.4"]);
        let mut server = Server::start(with_descriptors(&program, 24));
        // The server cannot close a client before the client has sent something.
        suspend(&server);
        let mut clients: Vec<Client> = (0..30).map(|_| Client::connect(&server)).collect();
        for client in &mut clients {
            client.active = Instant::now();
            client.stream.write_all(b"x").unwrap();
        }
        kill(pid(&server), Signal::SIGCONT).unwrap();
        server.until("No descriptor is left");
        for mut client in clients {
            assert_eq!(client.rest(), b"x");
            assert!(client.active.elapsed() >= IDLE);
        }
        kill(pid(&server), Signal::SIGTERM).unwrap();
        assert!(server.end().contains("Served 30 clients, closed 30 idle ones"));
    });
}

#[test]
fn a_quiet_server_prints_only_its_address_and_the_summary() {
    on_every_server(&["--quiet", "--idle", "0"], |server| {
        Client::connect(&server).closed();
        kill(pid(&server), Signal::SIGTERM).unwrap();
        let output = server.end();
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(lines.len(), 2, "{output}");
        assert_eq!(lines[0], "Stopping server");
        assert!(lines[1].starts_with("Served 1 clients, closed 1 idle ones; the timeouts were readable "), "{output}");
    });
}
