#!/usr/bin/env bash
# A sandbox whose runtime does not go on: a command that is told to end, by a signal or by its own limit, ends
# within its bound.
# ctest: timeout=180
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
runtime=$(cat "$MSB_HOME"/run/locks/*.pid)

# bound SECONDS WANTED_CODE COMMAND...: ends in time, with this exit code.
bound() {
    local seconds=$1 want=$2 begin=$SECONDS
    shift 2
    run "$@"
    [ $((SECONDS - begin)) -le "$seconds" ] || fail_test "took $((SECONDS - begin)) s, wanted $seconds: $*"
    [ "$code" -eq "$want" ] || { show; fail_test "exit code $code, wanted $want: $*"; }
}

# It was there when the command started, and is stopped while that runs.
helper "$MSB" exec box -- sleep 1000
running=$helper_pid
eventually 10 sh -c "$(printf '%q ' "$MSB") sessions box | grep -q 'sleep 1000'"
kill -STOP "$runtime"
kill -TERM "$running"
begin=$SECONDS
code=0
wait "$running" || code=$?
[ $((SECONDS - begin)) -le 15 ] || fail_test "a SIGTERM took $((SECONDS - begin)) s"
assert_eq "$code" 143 "exit code of the command that was told to end"

# It does not answer from the beginning.
bound 15 1 msb exec --timeout 2s box -- true
assert_contains "$err" "timed out"
bound 15 124 timeout --foreground 2 "$MSB" exec box -- true # timeout's own code: it sent SIGTERM
run_ok msb rm -q -f box
no_leftovers
