#!/usr/bin/env bash
# Stop is kind: commands are asked first, what they wrote is kept, and the disk is left clean.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
"$MSB" exec box -- sh -c 'trap "sleep 0.3; echo bye >/root/bye; exit 0" TERM; while :; do sleep 0.05; done' &
kind=$!
sleep 1
run_ok msb stop -q box
wait "$kind" || true
run_ok msb exec box -- cat /root/bye
assert_eq "$out" bye "what the command wrote in its grace"
if command -v e2fsck >/dev/null; then
    find "$MSB_HOME/sandboxes/box" -name '*.ext4' -size +0 | while read -r disk; do
        e2fsck -fn "$disk" >"$T/fsck" 2>&1 || { cat "$T/fsck" >&2; fail_test "the disk is not clean"; }
    done
fi
no_leftovers
