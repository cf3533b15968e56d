#!/usr/bin/env python3
"""delay_link.py PID PID READY MS GBIT: an interface "far" in the network namespaces of two processes, joined by a link
that delays packets so long each way and passes so many Gbit/s. For kernels without netem."""
import collections
import ctypes
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
LONGEST_QUEUE = 0.2  # seconds; what comes then is lost


def tun_in(pid):
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(namespace, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(namespace)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"far", IFF_TUN | IFF_NO_PI))
    return device


one, other = tun_in(sys.argv[1]), tun_in(sys.argv[2])
delay, rate = float(sys.argv[4]) / 1000, float(sys.argv[5]) * 1e9 / 8
peer = {one: other, other: one}
queues = {device: collections.deque() for device in peer}
free = dict.fromkeys(peer, 0.0)  # when a packet could be sent
with open(sys.argv[3], "w", encoding="ascii"):
    pass


def read_all(device):
    while True:
        try:
            packet = os.read(device, 65536)
        except BlockingIOError:
            return
        now = time.monotonic()
        free[device] = max(free[device], now)
        if free[device] - now < LONGEST_QUEUE:
            free[device] += len(packet) / rate
            queues[device].append((free[device] + delay, packet))


while True:
    due = min((queue[0][0] for queue in queues.values() if queue), default=time.monotonic() + 1)
    for device in select.select(list(peer), [], [], max(0, due - time.monotonic()))[0]:
        read_all(device)
    for device, queue in queues.items():
        while queue and queue[0][0] <= time.monotonic():
            try:
                os.write(peer[device], queue.popleft()[1])
            except OSError:
                pass  # as a network loses it
