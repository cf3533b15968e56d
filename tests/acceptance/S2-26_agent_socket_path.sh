#!/usr/bin/env bash
# The agent socket's path is known without connecting, also of a sandbox that does not run or exist; it
# is short whatever the name, fits a socket address below any MSB_HOME, and only its owner gets there.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

name=$(printf 'n%.0s' {1..120})
run_ok msb agent socket-path "$name"
path=$out
assert_eq "$path" "$MSB_HOME/run/sandboxes/$(printf %s "$name" | sha256sum | cut -c1-24)/agent.sock"
assert_no_path "$path"
run_ok msb agent socket-path "$name" --format json
assert_contains "$out" "\"socket_path\": \"$path\""
run_fail 1 'name' msb agent socket-path ../x
run_ok msb create -q -n "$name"
assert_eq "$(stat -c %a "$(dirname "$path")" "$MSB_HOME/run/sandboxes" "$MSB_HOME" | tr '\n' ' ')" "700 700 700 "
run_ok msb inspect "$name" --format json
assert_contains "$out" "\"agent_socket\": \"$path\""
run_ok python3 "$TESTS_DIR/interop/wire_client.py" "$path"
assert_eq "$out" ok
run_ok msb rm -q -f "$name"

# An MSB_HOME of 300 characters: everything works, and the path still fits.
MSB_HOME=$T/home
while [ ${#MSB_HOME} -lt 300 ]; do MSB_HOME=$MSB_HOME/$(printf 'd%.0s' {1..60}); done
export MSB_HOME
run_ok msb create -q -n box
run_ok msb exec box -- echo hello
assert_eq "$out" hello
run_ok msb agent socket-path box
path=$out
[ ${#path} -lt 108 ] || fail_test "$path has ${#path} characters"
link=$(dirname "$(dirname "$path")")
assert_eq "$(readlink "$link")" "$MSB_HOME/run/sandboxes"
assert_eq "$(stat -c %a "$(dirname "$link")")" 700
# Used as it is, by a program that does not know msb.
python3 - "$path" <<'PY'
import socket, struct, sys
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(30)
peer.connect(sys.argv[1])
start, end = struct.unpack(">II", peer.recv(8, socket.MSG_WAITALL))
assert end - start == 33554430
PY
run_ok msb stop -q box
run_ok msb rm -q box
rm -f "$link"

# The library: the same, without connecting.
python_tests test_lifecycle.Lifecycle.test_socket_path
no_leftovers
