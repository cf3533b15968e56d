#!/usr/bin/env bash
# netd and fsd that do not end by themselves: however the sandbox ends, they are gone afterwards. ctest: timeout=200
. "$(dirname "$0")/../lib.sh"
need_kernel
mkdir "$T/dir"
port=$((20000 + RANDOM % 10000))

helpers() { host_pids_of netd fsd; }
# start_stuck: a sandbox whose helpers do not run any more.
start_stuck() {
    run_ok msb create -q -n box --net public -p $port:80 -v "$T/dir:/x"
    assert_eq "$(helpers | wc -l)" 2 "helper processes"
    stop_helpers
}
stop_helpers() { helpers | while read -r pid; do kill -STOP "$pid"; done; }
# ended BEGIN WHAT: within 5 s (and as much again on a machine under load), and without leaving a helper.
ended() {
    assert_prompt "$@"
    assert_eq "$(helpers)" "" "helpers after $2"
    assert_eq "$(find "$MSB_HOME/run/locks" -name '*.helpers')" "" "records after $2"
}

start_stuck
begin=$EPOCHREALTIME
run_ok msb rm -q -f box
ended "$begin" "rm -f"

start_stuck
begin=$EPOCHREALTIME
run_ok msb stop -q -t 1 box
ended "$begin" "stop"
run_ok msb start -q box # the port is free again
stop_helpers
begin=$EPOCHREALTIME
run_ok msb kill -q box
ended "$begin" "kill"

# The runtime is gone, and the next command, whichever it is, clears up.
run_ok msb start -q box
stop_helpers
kill -KILL "$(host_pids_of runtime)"
eventually 5 sh -c '"$0" ls --format json | grep -q Crashed' "$MSB"
assert_eq "$(helpers)" "" "helpers after a look"
run_ok msb start -q box
run_ok msb rm -q -f box

# A throw-away sandbox whose command line ends.
helper "$MSB" run -q --net public -p $port:80 -v "$T/dir:/x" -- sleep 1000
two() { [ "$(helpers | wc -l)" = 2 ] && [ -n "$(host_pids_of runtime)" ]; }
eventually 20 two
stop_helpers
begin=$EPOCHREALTIME
kill -TERM "$helper_pid"
wait "$helper_pid" || :
gone() { [ -z "$(helpers)" ]; }
eventually 10 gone
ended "$begin" "run"
no_leftovers
