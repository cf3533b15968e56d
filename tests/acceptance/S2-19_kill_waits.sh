#!/usr/bin/env bash
# kill returns when the sandbox is stopped, whatever state its runtime is in; it waits for that 5 s, or as long as it
# is told to.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb kill -q box
run_ok msb ls --stopped -q
assert_eq "$out" box
run_ok msb kill -q box # stopped already
run_ok msb start -q box
# Other commands show what kill reports, not a crash.
"$MSB" wait box --format json >"$T/wait" &
waiter=$!
run_ok msb kill -q box
wait "$waiter"
assert_contains "$(cat "$T/wait")" '"status": "Stopped"' "what wait saw"
run_ok msb start -q box
kill -STOP "$(host_pids_of runtime)"
start=$SECONDS
run_ok msb kill -q box
[ $((SECONDS - start)) -lt 15 ] || fail_test "took $((SECONDS - start)) s"
run_ok msb ls --stopped -q
assert_eq "$out" box

# One that does not end.
run_ok msb start -q box
if hold_runtime "$(host_pids_of runtime)"; then
    begin=${EPOCHREALTIME/./}
    run_fail 1 "timed out observing stopped state: sandbox 'box' does not end" msb kill -q box
    took=$(((${EPOCHREALTIME/./} - begin) / 1000))
    if [ $took -lt 5000 ] || [ $took -gt 20000 ]; then fail_test "given up after $took ms, wanted 5 s"; fi
    release_runtime
fi
run_ok msb kill -q box
run_ok msb ls --stopped -q
assert_eq "$out" box
run_ok msb rm -q box
no_leftovers
