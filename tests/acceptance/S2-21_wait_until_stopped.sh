#!/usr/bin/env bash
# Waiting for the end without causing it: what was seen is the state, and a startup command's code.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb run -d -q -n box -- sh -c 'sleep 1; exit 6'
run_ok msb wait box --format json
assert_contains "$out" '"name": "box"'
assert_contains "$out" '"status": "Stopped"'
assert_contains "$out" '"exit_code": 6'
assert_contains "$out" '"observed_at"'
run_ok msb wait -q box # stopped already
run_ok msb start -q box
run_fail 1 'not stopped' msb wait -q --timeout 1s box
run_ok msb ls --running -q
assert_eq "$out" box "waiting does not stop it"
run_ok msb rm -q -f box
run_fail 1 'sandbox not found' msb wait -q box

# The library; it knows more of a process that it started.
python_tests test_lifecycle.Lifecycle.test_wait_until_stopped
no_leftovers
