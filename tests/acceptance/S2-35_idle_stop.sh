#!/usr/bin/env bash
# A sandbox that does nothing is stopped after its idle time, one that lasts too long after its
# longest: both kindly.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n idle --idle-timeout 1s
# A daemon is not activity, and is told to end.
run_ok msb exec idle -- sh -c '(trap "echo asked >/root/asked; exit 0" TERM; while :; do sleep 0.05; done) >/dev/null 2>&1 &'
run_ok msb create -q -n long --max-duration 4s
"$MSB" exec long -- sh -c 'trap "echo asked >/root/asked; exit 0" TERM; while :; do sleep 0.05; done' &
session=$!
stopped() { msb ls --stopped -q | grep -qx "$1"; }
eventually 20 stopped idle
eventually 20 stopped long
wait "$session" || :
run_ok msb inspect idle --format json
assert_contains "$out" '"reason": "IdleTimeout"'
run_ok msb inspect long --format json
assert_contains "$out" '"reason": "MaxDurationExceeded"'
# exec starts them for the command; what the kind stop let them write is there.
run_ok msb exec idle -- cat /root/asked
assert_eq "$out" asked
run_ok msb exec long -- cat /root/asked
assert_eq "$out" asked
run_ok msb rm -q -f idle long
no_leftovers
