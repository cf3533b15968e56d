#!/usr/bin/env bash
# Clients of one sandbox do not affect each other: back-pressure, ids, mistakes, numbers; and windows.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

run_ok msb create -q -n box
socket=$(find "$MSB_HOME/run/sandboxes" -name agent.sock)
PYTHONPATH=$TESTS_DIR/interop run_ok python3 - "$socket" <<'PY'
import statistics
import struct
import sys
import time
from wire_client import Client, Closed, encode, expect_closed

path = sys.argv[1]
client = Client(path)
first = client.start


def execs(count):
    times = []
    for _ in range(count):
        begin = time.monotonic()
        client.exec(first, "true")
        assert client.until_end(first)[2] == "core.exec.exited"
        times.append(time.monotonic() - begin)
    return statistics.median(times)


# One never reads while its command writes 1 GB; the other is served (bench/isolation.sh measures how well).
slow = Client(path)
slow.exec(slow.start, "head", "-c", "1000000000", "/dev/zero")
assert slow.receive()[2] == "core.exec.started"
beside = execs(100)
assert beside < 2, beside

# A client that gets the slot of one who left with output under way gets none of it.
slow.socket.close()
for _ in range(20):
    noisy = Client(path)
    start = noisy.start
    for i in range(4):
        noisy.exec(start + i, "sh", "-c", "while :; do echo noise; done")
    noisy.receive()
    noisy.socket.close()
    heir = Client(path)
    heir.send(heir.start, "core.ping", {})
    for i in range(1, 4):
        heir.exec(heir.start + i, "true")
    seen = [heir.receive() for _ in range(7)]
    kinds = sorted(kind for _, _, kind, _ in seen)
    assert kinds == ["core.exec.exited"] * 3 + ["core.exec.started"] * 3 + ["core.pong"], seen
    heir.socket.close()

# What only runtime and agent may say is refused, and does nothing.
for kind in ("core.clock.sync", "core.relay.client.disconnected", "core.bootstrap", "core.init.ack",
             "core.ready", "core.heartbeat", "core.session.number", "core.session.observe",
             "core.session.output", "core.session.ended"):
    client.send(first, kind, {"id_start": 0, "id_end_exclusive": 1 << 31, "unix_time_nanos": 0, "session": 1})
    assert client.receive()[2:3] == ("core.error",)
client.send(first, "core.ping", {})
assert client.receive()[2] == "core.pong"

# Frames at the limit of 4 MiB pass, in both the relay and the agent; one byte more does not.
client.exec(first + 1, "wc", "-c")
assert client.receive()[2] == "core.exec.started"
empty = len(encode({"v": 7, "t": "core.exec.stdin", "p": encode({"data": b""})}))
size = 4194304 - 5 - empty - 12  # heads of longer strings
for size in range(size, size + 16):
    body = encode({"v": 7, "t": "core.exec.stdin", "p": encode({"data": b"x" * size})})
    if 5 + len(body) == 4194304:
        break
assert 5 + len(body) == 4194304, len(body)
client.socket.sendall(struct.pack(">IIB", 5 + len(body), first + 1, 0) + body)
client.send(first + 1, "core.exec.stdin", {"data": b""})
assert int(client.until_end(first + 1)[0]) == size
other = Client(path)
other.socket.sendall(struct.pack(">IIB", 4194305, other.start, 0))
expect_closed(other)

# A client that stops in the middle of a frame, and one that is half closed, keep nobody.
half = Client(path)
half.socket.sendall(struct.pack(">IIB", 1000, half.start, 0) + b"\xa3")
closing = Client(path)
closing.exec(closing.start, "sleep", "1000")
assert closing.receive()[2] == "core.exec.started"
closing.socket.shutdown(1)
expect_closed(closing)
execs(5)

# Without a window, what is not read holds back what follows; with one, a signal passes it.
windowed = Client(path)
windowed.exec(windowed.start, "sleep", "1000", flow=True)
number, _, kind, payload = windowed.receive()
assert kind == "core.flow.window" and payload["bytes"] > 0, kind
assert windowed.receive()[2] == "core.exec.started"
left = 65536 + payload["bytes"]
while left > 0:
    size = min(left, 60000)
    windowed.send(windowed.start, "core.exec.stdin", {"data": b"y" * size})
    left -= size
windowed.send(windowed.start, "core.exec.signal", {"signal": 15})
_, _, kind, payload = windowed.until_end(windowed.start)
assert payload["signal"] == 15, payload

# Unknown message names, a flood of them, and invalid payloads.
for i in range(2000):
    client.send(first + 2, "core.no.such.%d" % i, {})
for i in range(2000):
    assert client.receive()[2] == "core.error"
for kind in ("core.exec.request", "core.session.attach", "core.session.signal", "core.exec.signal",
             "core.exec.resize", "core.exec.stdin"):
    flags = 2 if kind in ("core.exec.request", "core.session.attach") else 0
    client.send(first + 3, kind, {"nonsense": [[1, {"a": None}]]}, flags=flags)
    answer = client.receive()
    assert answer[2] == "core.error" and answer[3]["kind"] == "invalid_payload", (kind, answer)
print("ok")
PY
assert_eq "$out" ok
run_ok msb exec box -- echo alive
assert_eq "$out" alive
run_ok msb kill -q box
no_leftovers
