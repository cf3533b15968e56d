#!/usr/bin/env python3
"""hello.py NAME [PIECE]: the first thing that a TLS client says which asks for NAME ("": for nobody), cut into records
of at most PIECE bytes."""
import struct
import sys


def hello(name):
    extensions = struct.pack("!HHBH", 43, 3, 2, 0x0304)
    if name:
        host = struct.pack("!BH", 0, len(name)) + name
        extensions += struct.pack("!HHH", 0, len(host) + 2, len(host)) + host
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += struct.pack("!H", len(extensions)) + extensions
    return b"\x01" + struct.pack("!I", len(body))[1:] + body


def records(message, piece):
    for begin in range(0, len(message), piece):
        part = message[begin:begin + piece]
        yield b"\x16\x03\x01" + struct.pack("!H", len(part)) + part


piece_size = int(sys.argv[2]) if len(sys.argv) > 2 else 16384
sys.stdout.buffer.write(b"".join(records(hello(sys.argv[1].encode()), piece_size)))
