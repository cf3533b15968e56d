#!/usr/bin/env bash
# A sample is taken once a second unless something else is said; before the first there are no metrics, which is another error than
# that none are taken. The same errors are typed in the library.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/metrics.sh"
need_kernel
need jq

run_ok msb create -q -n box --metrics-sample-interval 1m
run_fail 1 'no metrics recorded for sandbox "none-yet"|no sandbox|not found' msb metrics none-yet
run_fail 1 'no metrics recorded for sandbox "box"' sh -c "'$MSB' stop -q -t 1 box && '$MSB' metrics box"

run_ok msb create -q -n off --disable-metrics-sample
run_fail 1 'metrics disabled for sandbox: off' msb metrics off
run_ok msb create -q -n zero --metrics-sample-interval 0
run_fail 1 'metrics disabled for sandbox: zero' msb metrics zero
run_ok msb metrics --format json
assert_eq "$out" "[]"
run_ok msb inspect off --format json
assert_contains "$out" '"metrics_sample_interval_ms": 0'

for wrong in 99ms 0.05 -1s x 1h 1.5m 2d; do
    run_fail any 'invalid interval' msb create -q -n no "--metrics-sample-interval=$wrong"
done
run_fail 2 'excludes|cannot|not allowed' msb create -q -n no --disable-metrics-sample --metrics-sample-interval 1s

# What config.json says holds for those that say nothing.
mkdir -p "$MSB_HOME"
echo '{"sandbox_defaults": {"disable_metrics_sample": true}}' >"$MSB_HOME/config.json"
run_ok msb create -q -n quiet
run_fail 1 'metrics disabled' msb metrics quiet
run_ok msb create -q -n loud --metrics-sample-interval 500ms
eventually 20 has_sample loud
echo '{"sandbox_defaults": {"metrics_sample_interval_ms": 50}}' >"$MSB_HOME/config.json"
run_fail any 'metrics_sample_interval_ms is 0, or 100 to' msb create -q -n no
rm "$MSB_HOME/config.json"

# The default is a second.
run_ok msb create -q -n usual
eventually 20 has_sample usual
first=$(metric usual timestamp_ms)
eventually 10 metric_passes usual ".timestamp_ms > $first"
second=$(metric usual timestamp_ms)
[ $((second - first)) -ge 700 ] || fail_test "two samples within $((second - first)) ms"
run_ok msb rm -q -f box off zero quiet loud usual
no_leftovers
