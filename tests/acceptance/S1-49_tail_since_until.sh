#!/usr/bin/env bash
# --tail: the last N behind the other filters; --since inclusive, --until exclusive; times are RFC 3339
# or so long ago.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb exec box -- seq 1 1000
run_ok msb exec box -- sh -c 'echo problem >&2'
run_ok msb exec box -- printf 'a\nb'
run_ok msb logs box --tail 3
assert_eq "$out" "problem
a
b"
run_ok msb logs box --tail 2 --source stderr
assert_eq "$out" problem
run_ok msb logs box --tail 0
assert_eq "$out" ""
run_ok msb logs box --tail 100000
assert_eq "$(printf '%s\n' "$out" | wc -l)" 1003
run_ok msb logs box --tail 2 --json
assert_eq "$(printf '%s\n' "$out" | wc -l)" 2
assert_contains "$out" '"s":"stderr"'

# Exact times: entries of one millisecond each, in a stopped sandbox's log.
run_ok msb stop -q box
log=$MSB_HOME/sandboxes/box/logs/exec.log
for ms in 100 200 300; do
    printf '{"d":"at %s\\n","id":1,"s":"stdout","t":"2026-01-02T03:04:05.%sZ"}\n' $ms $ms
done >"$log"
run_ok msb logs box --since 2026-01-02T03:04:05.200Z
assert_eq "$out" "at 200
at 300"
run_ok msb logs box --until 2026-01-02T03:04:05.200Z
assert_eq "$out" "at 100"
run_ok msb logs box --since 2026-01-02T04:04:05.2+01:00 --until 2026-01-02T03:04:05.300Z --tail 5
assert_eq "$out" "at 200"
for age in 100000 100000s 100000m 100000h 100000d; do
    run_ok msb logs box --since $age
done
assert_eq "$(printf '%s\n' "$out" | wc -l)" 3
run_ok msb logs box --since 5m
assert_eq "$out" ""
run_fail 1 'could not parse time "bogus" \(expected RFC 3339 or `5m` etc\.\)' msb logs box --since bogus
run_fail 1 'could not parse time "5w"' msb logs box --until 5w
run_ok msb rm -q box
no_leftovers
