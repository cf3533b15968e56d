#!/usr/bin/env python3
"""The world of tests/netns.sh: world_server.py READY-FILE.

  TCP 80    answers a line with "world got LINE" and closes
  TCP 81    echoes until end of file, then says "end" and closes
  TCP 82    sends 64 MiB of zeros
  TCP 83    counts bytes until end of file and sends the count
  TCP 84    resets the connection
  TCP 85    answers with a TLS HelloRetryRequest, and adds how many bytes came to READY-FILE.retried
  UDP 90, 443   echo
  UDP, TCP 53   names under test.example: A 93.184.215.14, AAAA 2606:2800:220:1::14;
                "big.test.example" has many A records, "nothing.test.example" does not exist,
                "slow2000.test.example" is answered after 2000 ms,
                "inner.test.example" has the address 10.0.0.1,
                "alias.test.example" is an alias of "target.other.test.example";
                HTTPS records have keys for encrypted openings and an address
  READY-FILE.names has a line for each name that was asked for
"""
import hashlib
import socket
import struct
import sys
import threading
import time


def thread(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


def line_server(connection):
    line = connection.makefile("rb").readline()
    connection.sendall(b"world got " + line)
    connection.close()


def echo_server(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.sendall(b"end")
    connection.close()


def source_server(connection):
    piece = bytes(1 << 20)
    for _ in range(64):
        connection.sendall(piece)
    connection.close()


def sink_server(connection):
    count = 0
    while data := connection.recv(1 << 20):
        count += len(data)
    connection.sendall(str(count).encode())
    connection.close()


def reset_server(connection):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def alias(query, kind):
    reply = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 2, 0, 0) + query[12:]
    target = b"\x06target\x05other\x04test\x07example\x00"
    reply += struct.pack("!HHHIH", 0xc00c, 5, 1, 60, len(target)) + target
    address = socket.inet_aton("93.184.215.14") if kind == 1 else \
        socket.inet_pton(socket.AF_INET6, "2606:2800:220:1::14")
    return reply + target + struct.pack("!HHIH", kind, 1, 60, len(address)) + address


def retry_server(connection):
    count = len(connection.recv(65536))
    body = b"\x03\x03" + hashlib.sha256(b"HelloRetryRequest").digest() + b"\x00\x13\x01\x00\x00\x00"
    message = b"\x02" + struct.pack("!I", len(body))[1:] + body
    connection.sendall(b"\x16\x03\x03" + struct.pack("!H", len(message)) + message)
    try:
        while data := connection.recv(65536):
            count += len(data)
    except ConnectionResetError:
        pass
    with open(sys.argv[1] + ".retried", "a", encoding="ascii") as seen:
        print(count, file=seen)
    connection.close()


def answer(query, stream):
    end = 12
    labels = []
    while query[end]:
        labels.append(query[end + 1:end + 1 + query[end]].decode().lower())
        end += 1 + query[end]
    end += 5
    kind = struct.unpack("!H", query[end - 4:end - 2])[0]
    name = ".".join(labels)
    code, records = 0, []
    with open(sys.argv[1] + ".names", "a", encoding="ascii") as names:
        print(name, kind, file=names)
    if name.startswith("slow"):
        time.sleep(int(name[4:name.index(".")]) / 1000)
    if not name.endswith("test.example") or name.startswith("nothing."):
        code = 3
    elif name.startswith("big.") and kind == 1:
        records = [bytes([93, 184, 216, i]) for i in range(200)]
    elif name.startswith("inner.") and kind == 1:
        records = [bytes([10, 0, 0, 1])]
    elif name.startswith("alias.") and kind in (1, 28):
        return alias(query[:end], kind)
    elif kind == 65:
        records = [bytes.fromhex("0001 00 0004 0004 5db8d70e 0005 0004 01020304")]
    elif kind == 1:
        records = [socket.inet_aton("93.184.215.14")]
    elif kind == 28:
        records = [socket.inet_pton(socket.AF_INET6, "2606:2800:220:1::14")]
    truncated = len(records) > 20 and not stream
    if truncated:
        records = []
    flags = 0x8180 | code | (0x0200 if truncated else 0)
    reply = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + query[12:end]
    for record in records:
        reply += struct.pack("!HHHIH", 0xc00c, kind, 1, 60, len(record)) + record
    return reply


def name_server(connection):
    while head := connection.recv(2, socket.MSG_WAITALL):
        query = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
        reply = answer(query, True)
        connection.sendall(struct.pack("!H", len(reply)) + reply)
    connection.close()


def serve_tcp(port, handler):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True,
                                    backlog=64)

    def accept():
        while True:
            connection, _ = listener.accept()
            thread(handler, connection)

    thread(accept)


def serve_udp(port, handler):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", port))

    def receive():
        while True:
            data, peer = server.recvfrom(65536)
            thread(lambda data=data, peer=peer: server.sendto(handler(data), peer))

    thread(receive)


def main():
    for port, handler in ((80, line_server), (81, echo_server), (82, source_server),
                          (83, sink_server), (84, reset_server), (85, retry_server), (53, name_server)):
        serve_tcp(port, handler)
    serve_udp(90, lambda data: data)
    serve_udp(443, lambda data: data)
    serve_udp(53, lambda data: answer(data, False))
    with open(sys.argv[1], "w", encoding="ascii"):
        pass
    threading.Event().wait()


main()
