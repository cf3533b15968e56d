#!/usr/bin/env python3
"""capture.py FILE: what the host of tests/netns.sh puts on the cable, a line of hexadecimal digits a frame, but for
its own neighbour discovery. FILE.ready is made when it looks."""
import socket
import sys

capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
capture.bind(("cable", 0))
with open(sys.argv[1], "w", encoding="ascii") as seen:
    with open(sys.argv[1] + ".ready", "w", encoding="ascii"):
        pass
    while True:
        frame, (_, _, kind, *_) = capture.recvfrom(65536)
        v6 = frame[12:14] == b"\x86\xdd"
        ip = v6 or frame[12:14] == b"\x08\x00"
        neighbours = v6 and frame[20] == 58 and 133 <= frame[54] <= 137
        reports = v6 and frame[20] == 0  # multicast listeners
        if kind == socket.PACKET_OUTGOING and ip and not neighbours and not reports:
            print(frame.hex(), file=seen, flush=True)
