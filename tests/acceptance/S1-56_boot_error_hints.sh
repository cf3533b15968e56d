#!/usr/bin/env bash
# Hints follow stage and errno. Mounts of the host do not exist in this build yet; that their stage gets the
# right hints is asserted by the unit test.
. "$(dirname "$0")/../lib.sh"
need_kernel

# image + ENOENT: a piece of the image is gone from the cache.
run_ok msb create -q -n box
run_ok msb stop -q box
data=$(find "$MSB_HOME/cache/blobs" -name '*.data' | head -n 1)
mv "$data" "$T/data"
run_fail 1 'failed to start "box"' msb start box
assert_match "$err" '→ image: '
assert_match "$err" '→ .*(load or pull|pull it first)'
assert_match "$(cat "$MSB_HOME/sandboxes/box/logs/boot-error.json")" '"stage": "image"'
mv "$T/data" "$data"
run_ok msb start -q box
run_ok msb rm -q -f box

# network + EADDRINUSE: a port that another program has.
need python3
helper python3 -c '
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], file=open(sys.argv[1], "w"), flush=True)
time.sleep(1000)' "$T/port"
eventually 10 test -s "$T/port"
run_fail 1 'cannot publish port' msb create -q -n box -p "$(cat "$T/port"):80"
assert_match "$err" '→ network: '
assert_match "$err" '→ .*bound by another program'
run_ok msb rm -q -f box

[ -x "$MSB_BUILD/tests/sandbox_test" ] || skip "unit tests were not built"
run_ok "$MSB_BUILD/tests/sandbox_test" --gtest_filter='SandboxTest.BootErrors*'
assert_contains "$out" "OK ] SandboxTest.BootErrorsHaveTheStageOfTheirStepAndItsHint"
no_leftovers
