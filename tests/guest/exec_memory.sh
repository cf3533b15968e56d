#!/usr/bin/env bash
# 1,000 commands in a row leave the memory of agent and runtime where it was, within 1 MB.
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

run_ok msb create -q -n box
socket=$(find "$MSB_HOME/run/sandboxes" -name agent.sock)
runtime=$(test_processes | awk '$2 == "runtime" {print $1; exit}')
PYTHONPATH=$TESTS_DIR/interop limited 350 python3 - "$socket" "$runtime" <<'PY'
import sys
from wire_client import Client

path, runtime = sys.argv[1:]
client = Client(path)


def resident(text):
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def measure():
    client.exec(client.start + 1, "cat", "/proc/1/status")
    out, _, _, _ = client.until_end(client.start + 1)
    with open(f"/proc/{runtime}/status") as status:
        return resident(out.decode()), resident(status.read())


def run(count):
    for i in range(count):
        client.exec(client.start + 2 + i % 1000, "echo", "x" * 100)
        out, _, kind, _ = client.until_end(client.start + 2 + i % 1000)
        assert kind == "core.exec.exited" and len(out) == 101


run(200)
before = measure()
run(1000)
after = measure()
for name, old, new in zip(("agent", "runtime"), before, after):
    print(f"{name}: {old} KiB, {new} KiB after 1,000 commands")
    assert abs(new - old) <= 1024, (name, old, new)
PY
run_ok msb kill -q box
no_leftovers
