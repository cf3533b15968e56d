"""proxy_server.py READY PORT LOG: an HTTP CONNECT and SOCKS5 proxy on the loopback; what it was asked for is a line of LOG.

A user "me" with the password "opensesame" is wanted if PORT is odd."""

import base64
import socket
import struct
import sys
import threading

ready, port, log = sys.argv[1], int(sys.argv[2]), sys.argv[3]
wanted = ("me", "opensesame") if port % 2 else None


def exactly(client, size):
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        if not piece:
            raise OSError
        data += piece
    return data


def note(line):
    with open(log, "a") as file:
        file.write(line + "\n")


def connect(client, host, target, yes, no):
    note(f"{host} {target}")
    try:
        there = socket.create_connection((host, target), 5)
    except OSError:
        client.sendall(no)
        return
    client.sendall(yes)

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    other = threading.Thread(target=pump, args=(there, client), daemon=True)
    other.start()
    pump(client, there)
    other.join()


def http(client, head):
    while b"\r\n\r\n" not in head:
        head += exactly(client, 1)
    lines = head.decode().split("\r\n")
    if wanted and f"Proxy-Authorization: Basic {base64.b64encode(':'.join(wanted).encode()).decode()}" not in lines:
        client.sendall(b"HTTP/1.1 407 Who are you\r\n\r\n")
        return
    host, _, target = lines[0].split()[1].rpartition(":")
    connect(client, host.strip("[]"), int(target), b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 502 Bad\r\n\r\n")


def socks(client):
    methods = exactly(client, exactly(client, 1)[0])
    if wanted and 2 not in methods:
        client.sendall(b"\5\xff")
        return
    client.sendall(b"\5\2" if wanted else b"\5\0")
    if wanted:
        exactly(client, 1)
        pair = tuple(exactly(client, exactly(client, 1)[0]).decode() for _ in range(2))
        client.sendall(b"\1\0" if pair == wanted else b"\1\1")
        if pair != wanted:
            return
    kind = exactly(client, 4)[3]
    if kind == 1:
        host = socket.inet_ntop(socket.AF_INET, exactly(client, 4))
    elif kind == 4:
        host = socket.inet_ntop(socket.AF_INET6, exactly(client, 16))
    else:
        host = exactly(client, exactly(client, 1)[0]).decode()
    (target,) = struct.unpack("!H", exactly(client, 2))
    end = b"\1\0\0\0\0\0\0"
    connect(client, host, target, b"\5\0\0" + end, b"\5\5\0" + end)


def serve(client):
    with client:
        try:
            first = exactly(client, 1)
            socks(client) if first == b"\5" else http(client, first)
        except OSError:
            pass


listener = socket.create_server(("127.0.0.1", port))
open(ready, "w").close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
