#!/bin/bash
# The test helpers do what they promise: without this, a silent helper would pass everything.
. "$(dirname "$0")/../lib.sh"

run_ok echo hello
assert_eq "$out" hello
run_fail 3 'bad [a-z]+' sh -c 'echo bad thing >&2; exit 3'
assert_contains "one two" two
assert_match $'a\nbcd' '^b.d$'
no_leftovers

helper sleep 60
no_leftovers

# An orphan in its own session and group is still seen.
setsid sh -c 'sleep 60 & exit 0'
sleep_is_seen() { [[ "$(test_processes)" =~ ^[0-9]+\ sleep$ ]]; } # it is a sh first
eventually 10 sleep_is_seen
kill "$(test_processes | cut -d' ' -f1)"
no_leftovers

# A test that leaves something behind fails even if it says that it passed.
run env -u MSB_TEST_SUPERVISOR "$MSB_BUILD/tools/supervise" sh -c 'setsid sleep 61 & until grep -q sleep /proc/$!/comm; do sleep 0.01; done'
assert_eq "$code" 1 "exit code of a leaking test"
assert_match "$out" 'still running after the test: [0-9]+ sleep'
