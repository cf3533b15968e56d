#!/usr/bin/env bash
# A command that could not start ends its stream with `failed`, and no `started` or `exited`.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

run_ok msb create -q -n box
socket=$(find "$MSB_HOME/run/sandboxes" -name agent.sock)
PYTHONPATH=$TESTS_DIR/interop run_ok python3 - "$socket" <<'PY'
import sys
from wire_client import Client

client = Client(sys.argv[1])
first = client.start
for tty in (False, True):
    client.exec(first, "/no/such", tty=tty)
    client.send(first, "core.exec.stdin", {"data": b"ignored"})
    client.send(first, "core.exec.stdin", {"data": b""})
    client.send(first + 1, "core.ping", {})
    seen = [client.receive() for _ in range(2)]
    kinds = {kind: (number, flags) for number, flags, kind, _ in seen}
    assert kinds == {"core.exec.failed": (first, 1), "core.pong": (first + 1, 1)}, seen
# The id is free again.
client.exec(first, "echo", "hi")
assert client.receive()[2] == "core.exec.started"
out, _, kind, payload = client.until_end(first)
assert (out, kind, payload["code"]) == (b"hi\n", "core.exec.exited", 0)
print("ok")
PY
assert_eq "$out" ok
run_ok msb kill -q box

# The library: the terminal event is `failed`.
python_tests test_commands.Exec.test_spawn_failures_are_typed
no_leftovers
