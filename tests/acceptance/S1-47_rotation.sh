#!/usr/bin/env bash
# No guest fills the host's disk with logs: exec.log, kernel.log and runtime.log are cut at 10 MiB and
# three old files are kept; what is kept is whole lines in one sequence.
. "$(dirname "$0")/../lib.sh"
# ctest: timeout=240
need_kernel
need python3

logs=$MSB_HOME/sandboxes/box/logs
run_ok msb create -q -n box
# A line of 100 bytes each; 60 MB in all, more than is kept.
limited 120 msb exec box -- sh -c 'yes "$(printf %097d 0)" | head -c 60000000' >"$T/out"
assert_eq "$(stat -c %s "$T/out")" 60000000 "bytes that the client got"
assert_path "$logs/exec.log.3"
assert_no_path "$logs/exec.log.4"
python3 - "$logs" <<'PY'
import json, os, sys
total = 0
for name in ("exec.log.3", "exec.log.2", "exec.log.1", "exec.log"):
    path = os.path.join(sys.argv[1], name)
    assert os.path.getsize(path) <= 10 << 20, name
    for line in open(path):
        total += len(json.loads(line)["d"])
assert total > 25_000_000, total
PY
run_ok msb logs box --tail 2
assert_eq "$(printf '%s\n' "$out" | wc -l)" 2

# The console, as root of the guest can write to it.
limited 100 msb exec box -- sh -c 'yes "$(printf %097d 0)" | head -c 25000000 >/dev/console' || :
eventually 20 test -f "$logs/kernel.log.1"
for file in "$logs"/kernel.log*; do
    [ "$(stat -c %s "$file")" -le $((10 << 20)) ] || fail_test "$file is $(stat -c %s "$file") bytes"
done
# runtime.log, which only a busy guest would fill: what earlier runs left of it counts.
run_ok msb stop -q box
for n in 1 2 3; do echo "was $n" >"$logs/runtime.log.$n"; done
yes "$(printf %099d 0)" | head -c $((10 << 20)) >"$logs/runtime.log" || :
run_ok msb --debug start -q box
eventually 10 sh -c '[ "$(stat -c %s "$0/runtime.log")" -lt 100000 ]' "$logs"
assert_match "$(cat "$logs/runtime.log")" 'runtime: '
[ "$(stat -c %s "$logs/runtime.log.1")" -le $((10 << 20)) ] || fail_test "runtime.log.1 is too long"
assert_eq "$(cat "$logs/runtime.log.2" "$logs/runtime.log.3")" "was 1
was 2"
assert_no_path "$logs/runtime.log.4"
if grep -q $'\033' "$logs/runtime.log"; then fail_test "runtime.log has escape sequences"; fi
run_ok msb rm -q -f box
no_leftovers
