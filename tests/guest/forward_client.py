"""Host programs that talk through `msb forward`: forward_client.py ACTION PORT|PATH [ARGUMENTS]."""

import hashlib
import os
import random
import select
import socket
import sys
import threading
import time


def connect(where):
    if "/" in where:
        one = socket.socket(socket.AF_UNIX)
        one.connect(where)
    else:
        one = socket.create_connection(("127.0.0.1", int(where)))
    one.settimeout(60)
    return one


def read_all(one):
    data = bytearray()
    while part := one.recv(1 << 20):
        data += part
    return bytes(data)


def read_exactly(one, size):
    data = b""
    while len(data) < size:
        part = one.recv(size - len(data))
        assert part, f"the end after {len(data)} of {size} bytes"
        data += part
    return data


def upload(where, size):
    """The server digests until our end of data, and answers then."""
    data = random.Random(1).randbytes(1 << 20) * (int(size) >> 20)
    one = connect(where)
    one.sendall(data)
    one.shutdown(socket.SHUT_WR)
    answer = read_all(one).split()[0].decode()
    assert answer == hashlib.sha256(data).hexdigest(), answer


def download(where):
    one = connect(where)
    data = read_all(one)
    print(len(data), hashlib.sha256(data).hexdigest())


def echo(where, count):
    """Many connections at once, each of them used, and all of them open together."""
    crowd = [connect(where) for _ in range(int(count))]
    for number, one in enumerate(crowd):
        one.sendall(f"{number:05} hello".encode())
    for number, one in enumerate(crowd):
        assert read_exactly(one, 11) == f"{number:05} hello".encode(), number
    for one in crowd:
        one.shutdown(socket.SHUT_WR)
    for one in crowd:
        assert read_all(one) == b""


def both_ways(where, size):
    """Sends and receives at the same time, more than any buffer on the way holds."""
    data = random.Random(2).randbytes(1 << 20) * (int(size) >> 20)
    one = connect(where)
    sender = threading.Thread(target=lambda: (one.sendall(data), one.shutdown(socket.SHUT_WR)))
    sender.start()
    received = read_all(one)
    sender.join()
    assert received == data, len(received)


def stuck(where, other):
    """A server that never reads stops its own connection and no other, in either direction."""
    held = connect(where)
    held.setblocking(False)
    sent = 0
    piece = b"x" * 65536
    while select.select([], [held], [], 1)[1]:
        sent += held.send(piece)
        assert sent < 64 << 20, "what nobody reads is kept somewhere"
    unread = [connect(other) for _ in range(3)]
    for one in unread:  # echoed, and not read by us
        one.setblocking(False)
        while select.select([], [one], [], 1)[1]:
            one.send(piece)
    one = connect(other)
    one.sendall(b"still served")
    assert read_exactly(one, 12) == b"still served"


def refused(where):
    one = connect(where)
    try:
        assert one.recv(1) == b"", "an answer from nobody"
    except ConnectionResetError:
        return
    raise AssertionError("an end of data, as if there were a server")


def reset(where):
    """A server that leaves with our data unread resets the connection, which must not look like an end."""
    one = connect(where)
    try:
        while True:
            one.sendall(b"x" * 65536)
    except (ConnectionResetError, BrokenPipeError):
        pass


def pour(where, seconds):
    """Keeps sending what the server throws away, until killed."""
    one = connect(where)
    print("pouring", flush=True)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        one.sendall(b"x" * 65536)


def drip(where, seconds):
    """A byte now and then, answered."""
    one = connect(where)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        one.sendall(b".")
        assert one.recv(1) == b"."
        time.sleep(0.3)


globals()[sys.argv[1]](*sys.argv[2:])
sys.stdout.flush()  # not done by _exit, which is for threads that still wait
os._exit(0)
