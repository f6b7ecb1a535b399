//! The end of the server.

use crate::client::{Client, FAREWELL};
use crate::{on_every_server, pid, suspend};
use nix::sys::signal::{kill, Signal};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);
/// With these arguments, a server ends in the time of a test only because its clients have left.
const PATIENT: [&str; 4] = ["--idle", "600", "--grace", "600"];

#[test]
fn a_stopping_server_serves_its_clients_until_they_have_left() {
    on_every_server(&PATIENT, |server| {
        let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(&server)).collect();
        for client in &mut clients {
            client.echo(b"hello\n", LONG);
        }
        clients[0].stream.write_all(b"stop").unwrap();
        let mut echoed = [0; 4];
        clients[0].stream.read_exact(&mut echoed).unwrap();
        for client in &mut clients {
            client.farewell();
            client.echo(b"still here\n", LONG);
        }
        // This client is refused, so the server does not count it.
        drop(TcpStream::connect(&server.address));
        clients[1].echo(b"still here\n", LONG);
        drop(clients);
        let output = server.end();
        assert!(output.contains("Served 3 clients, closed 0 idle ones"), "{output}");
    });
}

#[test]
fn clients_that_stay_are_closed_after_the_time_of_grace_and_never_earlier() {
    on_every_server(&["--idle", "600", "--grace", "0.4"], |server| {
        let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(&server)).collect();
        clients.iter_mut().for_each(|client| assert!(client.echo(b"x", LONG)));
        let before = Instant::now();
        kill(pid(&server), Signal::SIGTERM).unwrap();
        for client in &mut clients {
            client.farewell();
            assert_eq!(client.rest(), b"");
            assert!(before.elapsed() >= Duration::from_millis(400));
        }
        assert!(server.end().contains("Closing client 3: the server stops"));
    });
}

#[test]
fn clients_that_have_connected_before_the_request_to_stop_are_served() {
    on_every_server(&PATIENT, |server| {
        suspend(&server);
        // The server accepts fewer clients at once, and the kernel queues more.
        let mut clients: Vec<Client> = (0..100).map(|_| Client::connect(&server)).collect();
        kill(pid(&server), Signal::SIGTERM).unwrap();
        kill(pid(&server), Signal::SIGCONT).unwrap();
        clients.iter_mut().for_each(Client::farewell);
        drop(clients);
        assert!(server.end().contains("Served 100 clients"));
    });
}

#[test]
fn idle_clients_are_closed_during_the_time_of_grace() {
    on_every_server(&["--idle", "0.4", "--grace", "600"], |server| {
        let mut client = Client::connect(&server);
        kill(pid(&server), Signal::SIGTERM).unwrap();
        // If the signal is late, the client is closed before the server stops.
        let rest = client.rest();
        assert!(rest.is_empty() || rest == FAREWELL);
        assert!(client.active.elapsed() >= Duration::from_millis(400));
        assert!(server.end().contains("Served 1 clients, closed 1 idle ones"));
    });
}

#[test]
fn a_second_request_to_stop_ends_the_server_at_once() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        on_every_server(&PATIENT, |server| {
            let mut client = Client::connect(&server);
            client.echo(b"x", LONG);
            kill(pid(&server), signal).unwrap();
            client.farewell();
            kill(pid(&server), signal).unwrap();
            assert_eq!(client.rest(), b"");
            server.end();
        });
    }
}

#[test]
fn two_requests_that_arrive_together_are_two() {
    on_every_server(&PATIENT, |server| {
        let mut client = Client::connect(&server);
        client.echo(b"x", LONG);
        suspend(&server);
        kill(pid(&server), Signal::SIGTERM).unwrap();
        kill(pid(&server), Signal::SIGINT).unwrap();
        kill(pid(&server), Signal::SIGCONT).unwrap();
        client.rest();
        server.end();
    });
}

#[test]
fn a_closed_output_does_not_cut_off_the_clients() {
    on_every_server(&PATIENT, |mut server| {
        let mut client = Client::connect(&server);
        client.echo(b"x", LONG);
        server.close_output();
        drop(Client::connect(&server));
        kill(pid(&server), Signal::SIGTERM).unwrap();
        client.farewell();
        client.echo(b"still here\n", LONG);
        drop(client);
        // It cannot print its summary.
        assert_eq!(server.child.wait().unwrap().code(), Some(1));
    });
}

#[test]
fn the_rest_of_the_line_after_stop_is_no_second_request() {
    on_every_server(&PATIENT, |server| {
        let mut client = Client::connect(&server);
        for byte in b"stop" {
            client.echo(&[*byte], LONG);
        }
        client.farewell();
        client.echo(b"\n", LONG);
        client.echo(b"still here\n", LONG);
        drop(client);
        server.end();
    });
}
