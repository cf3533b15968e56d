#!/usr/bin/env bash
# A terminal merges the two streams: its sessions are "output", never stdout or stderr.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb exec -t box -- sh -c 'echo one; echo two >&2'
log=$(cat "$MSB_HOME/sandboxes/box/logs/exec.log")
assert_contains "$log" '"s":"output"'
assert_not_contains "$log" '"s":"stdout"'
assert_not_contains "$log" '"s":"stderr"'
run_ok msb logs box --source output
assert_contains "$out" one
assert_contains "$out" two
run_ok msb logs box --source stdout,stderr
assert_eq "$out" ""
run_ok msb rm -q -f box
no_leftovers
