# A server with three timers of the wall clock in one epoll set. A client stops it.
# Usage: epoll_server.py PORT (0: any)
import os
import select
import socket
import sys
import time

MS = 10**6


def command(text):
    """Prints the command of a client. Returns whether the server continues."""
    if text == "stop":
        print("Stopping server", flush=True)
        return False
    print(f"Unknown command: {text}", flush=True)
    return True


def serve(listener, timers, epoll):
    clients = {}
    going_on = True
    while going_on:
        for fd, event in epoll.poll():
            assert event == select.EPOLLIN or fd in clients, event
            if fd == listener.fileno():
                client, _ = listener.accept()
                clients[client.fileno()] = client
                epoll.register(client, select.EPOLLIN)
                print("Accepted connection", flush=True)
            elif fd in clients:
                data = clients[fd].recv(1024)
                if data:
                    going_on = command(data.decode().strip()) and going_on
                else:
                    epoll.unregister(fd)
                    clients.pop(fd).close()
                    print("Closing connection", flush=True)
            else:
                try:
                    count = int.from_bytes(os.read(fd, 8), sys.byteorder)
                except BlockingIOError:
                    continue
                print(f"Timer {timers.index(fd) + 1} expired {count} times", flush=True)
    for client in clients.values():
        client.close()


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener, select.epoll() as epoll:
    print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    epoll.register(listener, select.EPOLLIN)
    timers = [os.timerfd_create(time.CLOCK_REALTIME, flags=os.TFD_NONBLOCK) for _ in range(3)]
    for every, fd in enumerate(timers, start=1):
        epoll.register(fd, select.EPOLLIN)
        os.timerfd_settime_ns(fd, initial=every * 20 * MS, interval=every * 20 * MS)
    try:
        serve(listener, timers, epoll)
    finally:
        for fd in timers:
            epoll.unregister(fd)
            os.close(fd)
