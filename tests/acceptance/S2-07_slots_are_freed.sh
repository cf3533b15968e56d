#!/usr/bin/env bash
# What does not run is not among the metrics of all; its slot is given up by a stop, a kill, a runtime's death and a failed boot.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/metrics.sh"
need_kernel
need jq

names() { "$MSB" metrics --format json | jq -c 'map(.name)'; }
names_are() { [ "$(names)" = "$1" ]; }

for box in stopped killed dead; do
    run_ok msb create -q -n $box
    eventually 20 has_sample $box
    assert_eq "$(slot_state $box)" active
done
names_are '["dead","killed","stopped"]' || fail_test "all: $(names)"
run_ok msb stop -q stopped
run_ok msb kill -q killed
eventually 20 names_are '["dead"]'
assert_eq "$(slot_state stopped)" stale
eventually 10 test "$(slot_state killed)" = stale

# Nobody has to notice a death.
kill_runtime dead
eventually 20 names_are '[]'
run_ok msb ls
assert_match "$out" '^dead .* crashed'
assert_eq "$(slot_state dead)" stale

# Their last samples are there for who asks, until they are removed.
run_ok msb metrics -a
assert_match "$out" '^stopped +exited +— +— +.* ran [0-9ms]+$'
run_ok msb metrics stopped -a --format json
assert_eq "$(jq -r .state <<<"$out")" exited
run_fail 1 'no metrics recorded for sandbox "stopped"' msb metrics stopped
run_ok msb rm -q stopped killed dead
run_ok msb metrics -a --format json
assert_eq "$out" "[]"

# A boot that fails has never had a sample.
run_fail any . msb create -q -n bad --init /no/such/init
assert_not_contains "$(slot_state bad)" active
assert_not_contains "$(slot_state bad)" reserved
run_ok msb metrics -a --format json
assert_eq "$out" "[]"
run_ok msb rm -q -f bad
no_leftovers
