#!/usr/bin/env bash
# A spawn failure is one typed message {kind, errno?, errno_name?, message, stage?}.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

run_ok msb create -q -n box
socket=$(find "$MSB_HOME/run/sandboxes" -name agent.sock)
PYTHONPATH=$TESTS_DIR/interop run_ok python3 - "$socket" <<'PY'
import sys
from wire_client import Client

client = Client(sys.argv[1])
for number, (cmd, more, kind, errno, name, stage) in enumerate([
    ("/no/such", {}, "not_found", 2, "ENOENT", "execvp"),
    ("/etc/passwd", {}, "permission_denied", 13, "EACCES", "execvp"),
    ("true", {"cwd": "/no/such"}, "bad_cwd", 2, "ENOENT", "cwd"),
    ("true", {"user": "nobody-here"}, "user_setup_failed", None, None, "user"),
    ("true", {"env": ["=x"]}, "bad_args", 22, "EINVAL", "env"),
], client.start):
    client.exec(number, cmd, **more)
    got, flags, type_name, payload = client.receive()
    assert (got, flags, type_name) == (number, 1, "core.exec.failed"), (got, flags, type_name)
    assert payload["kind"] == kind, payload
    assert payload["errno"] == errno and payload["errno_name"] == name, payload
    assert payload["stage"] == stage and payload["message"], payload
print("ok")
PY
assert_eq "$out" ok
run_ok msb kill -q box

# The library: typed, collected and streaming.
python_tests test_commands.Exec.test_spawn_failures_are_typed
no_leftovers
