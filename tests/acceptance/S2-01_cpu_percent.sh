#!/usr/bin/env bash
# cpu_percent is the CPU time that the guest used in the last interval, as a share of one CPU: near 100 in a busy loop of one
# virtual CPU, near 0 when it idles, and never more than its CPUs have.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/metrics.sh"
need_kernel
need jq

run_ok msb create -q -n box
eventually 20 metric_passes box '.cpu_percent < 15'
run_ok msb exec -d box -- sh -c 'while :; do :; done'
# The host's other work takes its part of a CPU, so "near 100" is what the guest could get of it.
eventually 60 metric_passes box '.cpu_percent > 40'
metric_passes box '.cpu_percent <= 100 and .cpus == 1' || fail_test "more than there is: $(metric box cpu_percent)"
run_ok msb rm -q -f box
no_leftovers
