#!/usr/bin/env bash
# ctest: timeout=300
# netd lives exactly as long as its sandbox, ports that are taken are a boot error, and a dead netd is
# a link that is down.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4
serve_world
netds() { test_processes | grep -c netd || :; }
no_netd() { [ "$(netds)" = 0 ]; }

# A port that is taken.
helper nsenter --net --target "$HOST_PID" -- python3 -c '
import socket, time
listener = socket.create_server(("127.0.0.1", 8080))
time.sleep(1000)'
eventually 10 in_host sh -c 'cat /proc/net/tcp | grep -q ":1F90 "'
run in_host "$MSB" create -q -n box -p 8080:80
[ "$code" -ne 0 ] || fail_test "a taken port was published"
assert_match "$err" 'cannot publish port 127.0.0.1:8080:80/tcp'
assert_match "$err" 'a published port is bound by another program'
assert_eq "$(jq -r '.stage, .errno' "$MSB_HOME/sandboxes/box/logs/boot-error.json")" "network
98"
run in_host "$MSB" rm -q -f box
no_netd || fail_test "netd runs without a sandbox"

# Stop and start at once with the same port; ends of all kinds.
host_ok create -q -n box --net public -p 8081:81
assert_eq "$(netds)" 1 "network processes"
for _ in 1 2 3; do
    host_ok stop box
    host_ok start box
done
host_ok exec box -- sh -c "echo again | nc -w 5 $WORLD4 80"
assert_eq "$out" "world got again"
host_ok kill box
eventually 5 no_netd
host_ok start box
assert_eq "$(netds)" 1 "network processes"

# The runtime is killed.
runtime=$(test_processes | awk '$2 == "runtime" { print $1 }')
kill -9 "$runtime"
eventually 5 no_netd
host_ok start box

# netd is killed: the guest loses its network but runs on, and the log says so.
netd=$(test_processes | awk '$2 == "netd" { print $1 }')
kill -9 "$netd"
begin=$EPOCHREALTIME
host_run 60 exec box -- sh -c "timeout 5 nc -w 3 $WORLD4 80 </dev/null || echo no network"
assert_eq "$out" "no network"
assert_prompt "$begin" "a command in a sandbox without its network"
eventually 5 grep -q 'the network process has ended' "$MSB_HOME/sandboxes/box/logs/runtime.log"
host_ok exec box -- echo alive
assert_eq "$out" alive
host_ok stop box
host_ok start box
host_ok exec box -- sh -c "echo back | nc -w 5 $WORLD4 80"
assert_eq "$out" "world got back"
host_ok rm -q -f box

# The launching command is killed at any moment.
for delay in 0.01 0.03 0.06 0.1 0.2; do
    in_host timeout -s KILL "$delay" "$MSB" run --net public -- sleep 100 >/dev/null 2>&1 || :
done
eventually 10 no_netd
host_ok ls # sweeps up after them
no_leftovers
