"""Runs unchanged programs that use timerfd through os, with a real client.

Their output on each implementation must be that on Python's own os.
"""

import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import time

import pytest
from conftest import PYTHON

OURS = pathlib.Path(__file__).with_name("programs")
#: The address of the servers of the HOWTO.
HOWTO = ("127.0.0.1", 1234)

#: The lines that a server prints, without numbers.
SERVER = {
    "Listening on N",
    "Timer N expired N times",
    "Accepted connection",
    "Unknown command: hello",
    "Closing connection",
    "Stopping server",
}
HOWTO_SERVER = {
    "Accepting connection N",
    "Accepted connection N",
    "Reading data N",
    "Unknown command: hello",
    "Closing connection N",
    "Reading timer N",
    "Timer N expired N times",
    "Stopping server",
}


@pytest.fixture
def command(implementation):
    """The command that runs a program on an implementation."""
    ours = ["-m", "portable_timerfd", "--backend", implementation]
    return [PYTHON, "-u", *(ours if implementation != "os" else [])]


def kinds(lines):
    """Returns the lines without numbers, sockets and lists of events."""
    return {re.sub(r"<socket.*>( from .*)?|\[.*\]|\d[\d.:]*", "N", line) for line in lines}


class Server:
    """A running server: its output and its address."""

    def __init__(self, command, address=None):
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True
        )
        self.lines = []
        if address is None:
            host, port = self.next().replace("Listening on ", "").split(":")
            address = host, int(port)
        self.address = address

    def next(self):
        line = self.process.stdout.readline().rstrip("\n")
        assert line, self.process.communicate()
        self.lines.append(line)
        return line

    def until(self, start):
        while not self.next().startswith(start):
            pass

    def until_timers(self, times):
        """Waits until each timer has printed `times` more lines."""
        left = {"Timer 1": times, "Timer 2": times, "Timer 3": times}
        while any(number > 0 for number in left.values()):
            name = self.next()[:7]
            left[name] = left.get(name, 0) - 1

    def connect(self):
        while True:
            try:
                return socket.create_connection(self.address)
            except ConnectionRefusedError:
                assert self.process.poll() is None, self.process.communicate()
                time.sleep(0.01)

    def end(self):
        rest, errors = self.process.communicate()
        assert (self.process.returncode, errors) == (0, "")
        self.lines += rest.splitlines()


def talk(server):
    """Connects two clients: one sends an unknown command and leaves, the other stops the server."""
    server.until_timers(1)
    with server.connect() as client:
        client.sendall(b"hello")
        server.until("Unknown command: hello")
        server.until_timers(1)
    server.until("Closing connection")
    with server.connect() as client:
        # Leaves no connection in TIME_WAIT, so that the next server can use the same port.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.until("Accepted connection")
        server.until_timers(1)
        client.sendall(b"stop")
        server.end()


def sums_are_never_early(server, period):
    """Checks that no timer has expired more often than its periods have passed."""
    passed = time.monotonic() - server.start
    for number in (1, 2, 3):
        expired = re.findall(rf"Timer {number} expired (\d+) times", "\n".join(server.lines))
        assert 0 < sum(map(int, expired)) <= passed / (number * period)


@pytest.mark.parametrize("name", ("epoll_server", "select_server"))
def test_servers(command, name):
    if name == "epoll_server" and not sys.platform.startswith("linux"):
        pytest.skip("there is no epoll here")
    server = Server([*command, str(OURS / f"{name}.py"), "0"])
    talk(server)
    assert kinds(server.lines) == SERVER
    sums_are_never_early(server, 0.02)


def test_blocking(command):
    program = [*command, str(OURS / "blocking.py"), "0.05", "0.02", "5"]
    output = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert kinds(output.splitlines()) == {"Timer expired N times", "Bad file descriptor"}


@pytest.fixture
def howto():
    folder = os.environ.get("HOWTO")
    if folder is None:
        pytest.skip("HOWTO is not set: the programs of Python's documentation are not ours")
    return pathlib.Path(folder)


def test_howto_blocking(command, howto):
    start = time.monotonic()
    program = [*command, str(howto / "blocking.py")]
    output = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert output == "Timer expired\n" * 4
    assert time.monotonic() - start >= 2.5


@pytest.mark.parametrize("name", ("epoll_server", "select_server"))
def test_howto_servers(command, howto, name):
    server = Server([*command, str(howto / f"{name}.py")], HOWTO)
    talk(server)
    assert kinds(server.lines) == HOWTO_SERVER | ({"Signaled events=N"} if name == "epoll_server" else set())
    sums_are_never_early(server, 0.25)
