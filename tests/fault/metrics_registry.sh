#!/usr/bin/env bash
# A metrics registry that is damaged, full, of another version or somebody else's: sandboxes start all the same, say once that they have
# none, and a new registry is made when no living sandbox uses the old one.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/metrics.sh"
need_kernel
need jq

echo '{"metrics": {"capacity": 2}}' >"$T/config.json"
export MSB_CONFIG_PATH=$T/config.json
run_ok msb create -q -n one
run_ok msb create -q -n two
eventually 20 has_sample one

# Full: the third runs, without.
run_ok msb create -q -n three
assert_contains "$err" "has no metrics"
assert_contains "$err" "capacity"
run_ok msb exec three -- true
assert_eq "$err" ""
run_fail 1 'no metrics recorded for sandbox "three"' msb metrics three
# The slot of one that was killed is free for the next, whoever noticed.
kill_runtime two
run_ok msb restart -q three
assert_eq "$err" ""
eventually 20 has_sample three

# Other readers' numbers: another version, garbage, nothing.
damage() { printf %b "$2" | dd of="$(segment)" bs=1 seek="$1" conv=notrunc 2>/dev/null; }
damage 8 '\004'
run_fail 1 'is of another version' msb metrics
run_ok msb create -q -n four
assert_contains "$err" "has no metrics"
assert_contains "$err" "is of another version"
run_ok msb exec four -- true
run_ok msb rm -q -f one two three four
run_ok msb create -q -n five
assert_eq "$err" ""
eventually 20 has_sample five
run_ok msb rm -q -f five
damage 0 'xxxxxxxxxxxxxxxxxxxxxxxx'
run_ok msb create -q -n five
eventually 20 has_sample five
# What a runtime may do to its own slot: nothing that hurts a reader.
offset=$((256 + 4096))
damage $offset '\377\377\377\377'
damage $((offset + 16)) '\001'
run_ok msb metrics --format json
run_ok msb rm -q -f five
rm "$(segment)"
run_ok msb metrics --format json
assert_eq "$out" "[]"
head -c 5000000 /dev/urandom >"$(segment)"
chmod 600 "$(segment)"
run_ok msb create -q -n five
eventually 20 has_sample five
# Open to others: not ours to trust.
run_ok msb stop -q five
chmod 666 "$(segment)"
run_ok msb start -q five
assert_contains "$err" "open to others"
run_ok msb rm -q -f five
chmod 600 "$(segment)"

# Killed again and again while it is sampled: the next start has a slot, and numbers of its own.
run_ok msb create -q -n box --metrics-sample-interval 100ms
for _ in 1 2 3; do
    eventually 20 has_sample box
    kill_runtime box
    run_ok msb start -q box
done
eventually 20 metric_passes box '.restarts == 3'
run_ok msb rm -q -f box
no_leftovers
