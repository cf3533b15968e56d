#!/usr/bin/env bash
# A start of a sandbox that is ending waits until it has ended; and one that is recorded as ended blocks nobody while
# its runtime still exits. ctest: timeout=200
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3
run_ok msb create -q -n box

# In the middle of its shutdown.
for _ in 1 2 3; do
    run_ok msb stop -q --no-wait -t 2 box
    run_ok msb start -q box
    run_ok msb exec box -- echo again
    assert_eq "$out" again
done

# Its runtime has recorded the end and is slow to exit: no command shows it as "running".
state=$MSB_HOME/sandboxes/box/state.json
slow_end() {
    local runtime
    runtime=$(host_pids_of runtime)
    kill -STOP "$runtime"
    sed 's/"status": "Running"/"status": "Stopped"/' "$state" >"$T/ended"
    cp "$T/ended" "$state"
    helper sh -c "sleep 2; kill -KILL $runtime"
}
slow_end
run_ok msb start -q box
slow_end
run_ok msb ls --format json
assert_contains "$out" '"status": "Stopped"'
run_ok msb start -q box
slow_end
run_ok msb rm -q box

# A start of what runs says so, at once.
run_ok msb create -q -n box
begin=$EPOCHREALTIME
run_fail 1 'already running' msb start box
assert_prompt "$begin" "a refusal"

# runtime.sock.
cat >"$T/door.py" <<'PY'
import glob, socket, struct, sys


def text(s):
    return bytes([0x60 | len(s)]) + s if len(s) < 24 else bytes([0x78, len(s)]) + s


def ask(name, payload=b"\xa0"):
    body = b"\xa3" + text(b"v") + b"\x07" + text(b"t") + text(name) + text(b"p") + bytes([0x40 | len(payload)]) + payload
    path, = glob.glob(sys.argv[1] + "/run/sandboxes/*/runtime.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(struct.pack(">IIB", 5 + len(body), 1, 0) + body)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while part := s.recv(4096):
            answer += part
    return answer


status = ask(b"host.status")
assert b"host.status.report" in status and b"Running" in status, status
for name in b"host.nothing", b"core.ping", b"core.shutdown":
    assert b"unsupported_message_type" in ask(name), name
assert b"invalid_payload" in ask(b"host.shutdown", b"\x01")
assert b"host.accepted" in ask(b"host.drain")
PY
run_ok python3 "$T/door.py" "$MSB_HOME"
run_ok msb wait box
run_ok msb inspect box
assert_contains "$out" DrainRequested
run_ok msb rm -q box
no_leftovers
