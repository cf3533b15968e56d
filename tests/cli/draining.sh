#!/usr/bin/env bash
# exec and run -n on a sandbox that is ending wait for its end, start it, and run; one whose commands take longer is
# refused with the reason. What holds a sandbox's lock is named.
. "$(dirname "$0")/../lib.sh"
need_kernel

is_draining() { msb ls --format json | grep -q '"status": "Draining"'; }

run_ok msb create -q -n box
for command in 'exec' 'run -q -n'; do
    "$MSB" exec box -- sh -c 'echo up; sleep 3' >"$T/out" &
    busy=$!
    eventually 20 grep -q up "$T/out"
    run_ok msb drain -q --no-wait box
    is_draining || fail_test "not draining"
    run_fail 1 "not running" msb exec -d box -- true
    # shellcheck disable=SC2086
    run_ok msb $command box -- echo afterwards
    assert_eq "$out" afterwards
    wait "$busy" || fail_test "what ran was not let finish"
    run_ok msb start -q box
done

"$MSB" exec box -- sleep 1000 &
busy=$!
eventually 20 sh -c '"$0" sessions box | grep -q sleep' "$MSB"
run_ok msb drain -q --no-wait box
run_fail 1 "sandbox 'box' is draining" msb exec box -- true
assert_contains "$err" "msb wait box"
run_ok msb kill -q box
wait "$busy" && fail_test "the command in a killed sandbox succeeded"

lock=$(find "$MSB_HOME/run/locks" -name '*.lock')
flock --no-fork "$lock" sleep 60 &
HELPER_PIDS+=($!)
eventually 10 sh -c '! flock -n "$0" true' "$lock"
run_fail 1 "sandbox 'box' is locked by process [0-9]+ \(.*sleep 60\)" msb rm -f box
kill "${HELPER_PIDS[0]}"
eventually 10 flock -n "$lock" true
run_ok msb rm -q -f box
no_leftovers
