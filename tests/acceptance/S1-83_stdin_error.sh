#!/usr/bin/env bash
# Writing to a command that closed its stdin is a `stdin.error` that does not end the
# session: output and exit still come.
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
client.exec(first, "sh", "-c", "exec <&-; echo closed; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo later; exit 4")
assert client.receive()[2] == "core.exec.started"
assert client.receive()[3]["data"] == b"closed\n"
client.send(first, "core.exec.stdin", {"data": b"too late"})
number, flags, kind, payload = client.receive()
assert (number, flags, kind) == (first, 0, "core.exec.stdin.error"), (number, flags, kind)
assert payload["errno"] == 32 and payload["errno_name"] == "EPIPE" and payload["message"], payload
client.exec(first + 1, "touch", "/tmp/go")
out = b""
while True:
    number, flags, kind, payload = client.receive()
    if number == first and kind == "core.exec.stdout":
        out += payload["data"]
    elif number == first and flags & 1:
        break
assert (out, kind, payload["code"]) == (b"later\n", "core.exec.exited", 4), (out, kind, payload)
print("ok")
PY
assert_eq "$out" ok
# The command line goes on quietly.
head -c 5000000 /dev/zero >"$T/zeros"
run_ok msb exec box -- sh -c 'exec <&-; sleep 0.2; echo fine' <"$T/zeros"
assert_eq "$out" fine
run_ok msb kill -q box

# The library: an event, and the command goes on.
python_tests test_commands.Exec.test_stdin_error
no_leftovers
