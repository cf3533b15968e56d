#!/usr/bin/env bash
# vcpu_time_ns adds up over a run and never goes back.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/metrics.sh"
need_kernel
need jq

run_ok msb create -q -n box --metrics-sample-interval 200ms
eventually 20 has_sample box
last=0
for _ in 1 2 3 4 5; do
    run_ok msb exec box -- sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); (:) ; [ $((i % 40)) -ne 0 ] || break; done'
    now=$(metric box vcpu_time_ns)
    [ "$now" -ge "$last" ] || fail_test "went back from $last to $now"
    last=$now
done
run_ok msb exec -d box -- sh -c 'while :; do :; done'
eventually 30 metric_passes box ".vcpu_time_ns > $last + 500000000"
run_ok msb rm -q -f box
