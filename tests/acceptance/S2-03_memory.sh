#!/usr/bin/env bash
# memory_bytes is what the guest uses, memory_available_bytes what it could still use, memory_limit_bytes what it was given,
# and memory_host_resident_bytes what the host has behind it.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/metrics.sh"
need_kernel
need jq

run_ok msb create -q -n box -m 256M
eventually 20 has_sample box
metric_passes box '.memory_limit_bytes == 268435456 and .memory_bytes > 0 and .memory_bytes < .memory_limit_bytes and
    .memory_available_bytes + .memory_bytes <= .memory_limit_bytes and
    .memory_host_resident_bytes > 1048576 and .memory_host_resident_bytes <= .memory_limit_bytes + 16777216' ||
    fail_test "memory: $(msb metrics box --format json)"
used=$(metric box memory_bytes)
resident=$(metric box memory_host_resident_bytes)
run_ok msb exec box -- sh -c 'mkdir -p /m && mount -t tmpfs none /m && dd if=/dev/zero of=/m/f bs=1M count=96 2>/dev/null'
eventually 20 metric_passes box ".memory_bytes > $used + 90000000"
metric_passes box ".memory_host_resident_bytes > $resident + 50000000" || fail_test "the host's part did not grow"
# What the guest's kernel says beside that.
metric_passes box '.processes >= 1 and .sessions == 0 and .restarts == 0' || fail_test "counts: $(msb metrics box --format json)"
run_ok msb exec -d box -- sleep 1000
eventually 20 metric_passes box '.sessions == 1'
run_ok msb restart -q -t 1 box
eventually 20 metric_passes box '.restarts == 1 and .sessions == 0'
run_ok msb rm -q -f box
