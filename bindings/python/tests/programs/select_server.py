# A server with three timers of the wall clock in all three sets of one select. A client stops it.
# Usage: select_server.py PORT (0: any)
import os
import select
import socket
import sys
import time


def answer(client):
    """Reads from a client. Returns whether the client stays, and whether the server continues."""
    data = client.recv(1024)
    text = data.decode().strip()
    if not data:
        print("Closing connection", flush=True)
    elif text == "stop":
        print("Stopping server", flush=True)
    else:
        print(f"Unknown command: {text}", flush=True)
    return bool(data), text != "stop"


def report(number, fd):
    try:
        count = int.from_bytes(os.read(fd, 8), sys.byteorder)
    except BlockingIOError:
        return
    print(f"Timer {number} expired {count} times", flush=True)


def serve(listener, timers):
    client, going_on = None, True
    while going_on:
        # A client is nearly always writable, so it is in the read set only.
        mine = [listener, *timers]
        ready, writable, exceptional = select.select(mine + ([client] if client else []), mine, mine)
        assert not writable and not exceptional, (writable, exceptional)
        for number, fd in enumerate(timers, start=1):
            if fd in ready:
                report(number, fd)
        if client in ready:
            stays, going_on = answer(client)
            if not stays:
                client = client.close()
        if listener in ready and client is None:
            client, _ = listener.accept()
            print("Accepted connection", flush=True)
    if client:
        client.close()


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    timers = [os.timerfd_create(time.CLOCK_REALTIME, flags=os.TFD_NONBLOCK) for _ in range(3)]
    for every, fd in enumerate(timers, start=1):
        os.timerfd_settime(fd, initial=every / 50, interval=every / 50)
    try:
        serve(listener, timers)
    finally:
        for fd in timers:
            os.close(fd)
