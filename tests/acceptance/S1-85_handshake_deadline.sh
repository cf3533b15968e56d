#!/usr/bin/env bash
# A peer that accepts and then says nothing is given up after 30 s by the clock, one that does not even accept after
# 10 s; if the sandbox left a boot error, that is reported rather than what became of the connection. (Peers that
# trickle: src/client/agent_client_test.cpp.)
. "$(dirname "$0")/../lib.sh"
# ctest: timeout=180
need_kernel
need python3

for name in plain failed; do
    run_ok msb create -q -n $name
done
# gave_up_after SECONDS: since $begin; never before its time, and later by what a machine under load needs.
gave_up_after() {
    local took=$((SECONDS - begin))
    if [ $took -lt $(($1 - 1)) ] || [ $took -gt $(($1 + 30)) ]; then fail_test "given up after $took s, wanted $1"; fi
}
# The kernel accepts for a stopped runtime, and nobody answers.
for pid in $(test_processes | awk '$2 == "runtime" { print $1 }'); do
    kill -STOP "$pid"
done
printf '{"t":"2026-01-02T03:04:05.678Z","stage":"network","errno":98,"message":"bind 127.0.0.1:80","hint":null}' \
    >"$MSB_HOME/sandboxes/failed/logs/boot-error.json"

begin=$SECONDS
"$MSB" exec plain -- true >"$T/plain" 2>&1 &
plain=$!
"$MSB" exec failed -- true >"$T/failed" 2>&1 &
failed=$!
"$MSB" ping plain >"$T/interrupted" 2>&1 &
interrupted=$!
eventually 10 has_socket $interrupted
kill -INT $interrupted
code=0
wait $interrupted || code=$?
assert_eq $code 130 "exit code of what was interrupted"
[ $((SECONDS - begin)) -lt 20 ] || fail_test "Ctrl-C did not end the wait"
code=0
wait $plain || code=$?
gave_up_after 30
assert_eq $code 1 "exit code"
assert_match "$(cat "$T/plain")" 'did not become ready in 30 s'
code=0
wait $failed || code=$?
assert_eq $code 1 "exit code"
assert_match "$(cat "$T/failed")" 'error: failed to start "failed"'
assert_match "$(cat "$T/failed")" '→ network: bind 127.0.0.1:80'

# As many wait already as the kernel lets wait, and it takes no more.
cat >"$T/crowd.py" <<'PY'
import socket, sys
crowd = []
while True:
    one = socket.socket(socket.AF_UNIX)
    one.setblocking(False)
    try:
        one.connect(sys.argv[1])
    except BlockingIOError:
        break
    crowd.append(one)
print("full", flush=True)
sys.stdin.read()
PY
mkfifo "$T/leave"
python3 "$T/crowd.py" "$(msb agent socket-path plain)" <"$T/leave" >"$T/crowd" &
crowd=$!
exec 9>"$T/leave"
eventually 10 grep -q full "$T/crowd"
begin=$SECONDS
run_fail 1 "agent cannot be reached" msb exec plain -- true
gave_up_after 10
exec 9>&-
wait $crowd

for pid in $(test_processes | awk '$2 == "runtime" { print $1 }'); do
    kill -CONT "$pid"
done
run_ok msb exec plain -- echo back
assert_eq "$out" back
run_ok msb rm -q -f plain failed
no_leftovers
