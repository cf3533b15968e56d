#!/usr/bin/env bash
# A peer that accepts and then says nothing is given up after 30 s by the clock; if the sandbox left a
# boot error, that is reported rather than what became of the connection. (Peers that trickle or never
# accept: src/client/agent_client_test.cpp.)
. "$(dirname "$0")/../lib.sh"
# ctest: timeout=180
need_kernel

for name in plain failed; do
    run_ok msb create -q -n $name
done
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
sleep 2
kill -INT $interrupted
code=0
wait $interrupted || code=$?
assert_eq $code 130 "exit code of what was interrupted"
[ $((SECONDS - begin)) -lt 20 ] || fail_test "Ctrl-C did not end the wait"
code=0
wait $plain || code=$?
took=$((SECONDS - begin))
if [ $took -lt 29 ] || [ $took -gt 60 ]; then fail_test "given up after $took s, wanted 30"; fi
assert_eq $code 1 "exit code"
assert_match "$(cat "$T/plain")" 'did not become ready in 30 s'
code=0
wait $failed || code=$?
assert_eq $code 1 "exit code"
assert_match "$(cat "$T/failed")" 'error: failed to start "failed"'
assert_match "$(cat "$T/failed")" '→ network: bind 127.0.0.1:80'
for pid in $(test_processes | awk '$2 == "runtime" { print $1 }'); do
    kill -CONT "$pid"
done
run_ok msb exec plain -- echo back
assert_eq "$out" back
run_ok msb rm -q -f plain failed
no_leftovers
