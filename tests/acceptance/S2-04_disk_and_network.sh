#!/usr/bin/env bash
# Bytes that the guest read from and wrote to its disks, and that came over its network interface and went, since its boot;
# how much of its root disk is used, free, and allocated on the host; uptime and the time of the sample.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/metrics.sh"
need_kernel
need jq

begin=$(date +%s)
run_ok msb create -q -n box --net all
eventually 20 has_sample box
written=$(metric box disk_write_bytes)
run_ok msb exec box -- sh -c 'dd if=/dev/urandom of=/root/f bs=1M count=16 2>/dev/null; sync'
eventually 20 metric_passes box ".disk_write_bytes >= $written + 16777216"
metric_passes box '.upper_used_bytes > 16777216 and .upper_free_bytes > 1000000000 and .upper_host_allocated_bytes > 16777216' ||
    fail_test "the root disk: $(msb metrics box --format json)"
read=$(metric box disk_read_bytes)
run_ok msb exec box -- sh -c 'echo 3 >/proc/sys/vm/drop_caches; cat /root/f | wc -c'
eventually 20 metric_passes box ".disk_read_bytes >= $read + 16777216"

received=$(metric box net_rx_bytes)
sent=$(metric box net_tx_bytes)
run_ok msb exec box -- sh -c 'ping -c 4 -s 1000 host.microsandbox.internal || :'
eventually 20 metric_passes box ".net_tx_bytes >= $sent + 4000"
eventually 20 metric_passes box ".net_rx_bytes >= $received"

metric_passes box '.uptime_secs >= 0 and .uptime_secs < 300 and (.timestamp | test("^20[0-9]{2}-.*\\+00:00$"))' ||
    fail_test "times: $(msb metrics box --format json)"
[ "$(metric box timestamp_ms)" -ge "${begin}000" ] || fail_test "a sample from before the start"
run_ok msb restart -q box
eventually 20 metric_passes box '.disk_write_bytes < 16777216'
run_ok msb rm -q -f box
no_leftovers
