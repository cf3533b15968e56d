#!/usr/bin/env bash
# stop with a time-out of 0 kills at once: no signal, no grace.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
"$MSB" exec box -- sh -c 'trap "echo asked >/root/asked; sync" TERM; touch /root/ready; while :; do sleep 0.05; done' 2>/dev/null &
session=$!
eventually 10 msb exec box -- test -e /root/ready
run_ok msb stop -q -t 0 box
wait "$session" || :
run_ok msb inspect box --format json
assert_contains "$out" '"status": "Stopped"'
assert_contains "$out" '"detail": "killed"'
run_fail 1 '' msb exec box -- cat /root/asked
run_ok msb rm -q -f box
no_leftovers
