#!/usr/bin/env bash
# A client that shares no code with this project speaks the published protocol on agent.sock.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

run_ok msb create -q -n wire
socket=$(find "$MSB_HOME/run/sandboxes" -name agent.sock)
assert_eq "$(stat -c %a "$(dirname "$socket")")" 700 "mode of the socket's directory"
run_ok python3 "$TESTS_DIR/interop/wire_client.py" "$socket"
assert_eq "$out" ok
eventually 20 sh -c '"$0" ls --stopped -q | grep -qx wire' "$MSB"
run_ok msb logs wire --source stderr
assert_eq "$out" err "stderr in the log"
run_ok msb rm -q wire
no_leftovers
