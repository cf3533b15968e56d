#!/usr/bin/env bash
# msb metrics: an object for a name, an array without; a table with rates; lines of JSON; a table that goes on, on a terminal that is
# then as it was.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/metrics.sh"
need_kernel
need jq

run_ok msb metrics
assert_contains "$err" "No running sandboxes."
run_ok msb create -q -n one
run_ok msb create -q -n two -m 128M
eventually 20 has_sample one
eventually 20 has_sample two
run_ok msb metrics one --format json
for key in name state cpus timestamp cpu_percent vcpu_time_ns memory_bytes memory_available_bytes memory_host_resident_bytes \
    memory_limit_bytes disk_read_bytes disk_write_bytes net_rx_bytes net_tx_bytes upper_used_bytes upper_free_bytes \
    upper_host_allocated_bytes uptime_secs; do
    jq -e "has(\"$key\")" <<<"$out" >/dev/null || fail_test "no $key in $out"
done
assert_eq "$(jq -r '.name + " " + .state' <<<"$out")" "one running"
run_ok msb metrics --format json
assert_eq "$(jq -c 'map(.name)' <<<"$out")" '["one","two"]'

run_ok msb metrics
assert_match "$out" '^NAME +STATE +CPU +MEM +DISK R/W /s +NET RX/TX /s +UPTIME$'
assert_match "$out" '^one +running +[0-9.]+ / 1c +[0-9.]+ MiB / 512 MiB +[0-9.]+ [KM]?i?B / [0-9.]+ [KM]?i?B +.* +[0-9ms]+$'
run_ok msb exec two -- sh -c 'mkdir -p /m && mount -t tmpfs -o size=100m none /m && dd if=/dev/zero of=/m/f bs=1M count=48 2>/dev/null'
eventually 20 metric_passes two '.memory_bytes > 60000000'
run_ok msb metrics --sort mem
assert_match "$(sed -n 2p <<<"$out")" '^two '
run_fail any 'sort' msb metrics --sort age

timeout 30 "$MSB" metrics one --follow --interval 200ms | head -n 3 >"$T/lines"
assert_eq "$(jq -r .name <"$T/lines" | tr '\n' ' ')" "one one one "
run_fail 1 'needs a terminal' msb metrics --watch
run_fail 1 'needs a terminal' msb ls --watch
run_fail any 'interval' msb metrics --watch --interval 0

# Each frame fits the terminal of 33x77; what was on it comes back, with the cursor.
for command in "metrics --watch --interval 200ms" "ls --watch"; do
    screen=$(on_terminal "trap : INT; $MSB $command" 'one' '' 'two' '\003')
    assert_contains "$screen" $'\e[?1049h'
    assert_contains "$screen" $'\e[?25h\e[?1049l'
    assert_contains "$screen" code=0
    python3 -B - "$screen" <<'END' || fail_test "lines that do not fit: $screen"
import re, sys
frames = re.sub(r"\x1b\[H", "\n", sys.argv[1].partition("^C")[0])
sys.exit(any(len(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line)) > 77 for line in frames.split("\n")))
END
done
run_ok msb rm -q -f one two
no_leftovers
