#!/usr/bin/env bash
# Request-only forms return at once; drain lets commands finish and refuses new ones.
. "$(dirname "$0")/../lib.sh"
need_kernel

stopped() { msb ls --stopped -q | grep -qx box; }

run_ok msb create -q -n box
run_ok msb exec box -- true
# drain: the running command finishes, its output and exit code arrive; another one is refused.
"$MSB" exec box -- sh -c 'touch /root/one; while [ ! -e /root/go ]; do sleep 0.05; done; echo finished; exit 4' >"$T/out" &
session=$!
eventually 10 msb exec box -- test -e /root/one
# A sandbox that drains takes no new command, so this one is told over its stdin.
mkfifo "$T/go"
exec 4<>"$T/go"
"$MSB" exec box -- sh -c 'touch /root/two; read -r go; touch /root/go' <"$T/go" &
other=$!
eventually 10 msb exec box -- test -e /root/two
run_ok msb drain -q --no-wait box
run_ok msb ls --format json
assert_contains "$out" '"status": "Draining"'
run_fail 1 "'box' is draining: .* new ones are refused" msb exec box -- echo late # after some seconds of patience
echo now >&4
code=0
wait "$session" || code=$?
assert_eq "$code" 4 "exit code of the draining command"
assert_eq "$(cat "$T/out")" finished
wait "$other" || :
eventually 15 stopped
run_ok msb inspect box --format json
assert_contains "$out" '"reason": "DrainRequested"'

# Nothing runs: drained at once. The waiting form.
run_ok msb start -q box
run_ok msb drain box
assert_match "$err" 'Drained +box'
stopped || fail_test "drain returned before the sandbox was stopped"

# A drain that nobody wants to wait for is cut short by stop.
run_ok msb run -d -q --replace -n box -- sleep 300
run_ok msb drain -q --no-wait box
run_ok msb stop -q -t 5 box
stopped || fail_test "not stopped"

run_ok msb start -q box
run_ok msb stop --no-wait box
assert_match "$err" 'box \(requested\)'
eventually 20 stopped
run_ok msb start -q box
# An end by force that was asked for is no crash, whoever looks first and however late.
for request in kill 'stop -t 0'; do
    "$MSB" wait box --format json >"$T/wait" &
    waiter=$!
    # shellcheck disable=SC2086
    run_ok msb $request -q --no-wait box
    wait "$waiter"
    assert_contains "$(cat "$T/wait")" '"status": "Stopped"' "what wait saw of $request --no-wait"
    run_ok msb inspect box --format json
    assert_contains "$out" '"status": "Stopped"' "after $request --no-wait"
    assert_contains "$out" '"reason": "ShutdownRequested"' "after $request --no-wait"
    run_ok msb start -q box
done

# The kill request ends with its run: a later run that is killed by somebody else has crashed.
kill -9 "$(host_pids_of runtime)"
eventually 10 sh -c '"$0" ls --format json | grep -q Crashed' "$MSB"
run_ok msb rm -q box
no_leftovers
