#!/usr/bin/env bash
# Stop is kind: commands are asked first, what they wrote is kept, and the disk is left clean.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
"$MSB" exec box -- sh -c 'trap "sleep 0.3; echo bye >/root/bye; exit 0" TERM; touch /root/ready; while :; do sleep 0.05; done' &
kind=$!
eventually 10 msb exec box -- test -e /root/ready
run_ok msb stop -q box
wait "$kind" || true
run_ok msb exec box -- cat /root/bye
assert_eq "$out" bye "what the command wrote in its grace"

# disk_is_clean: of the sandbox, where this machine can tell.
disk_is_clean() {
    command -v e2fsck >/dev/null || return 0
    e2fsck -fn "$MSB_HOME/sandboxes/box/upper.ext4" >"$T/fsck" 2>&1 ||
        { cat "$T/fsck" >&2; fail_test "the disk is not clean"; }
}
run_ok msb stop -q box
disk_is_clean

# So it is when the guest's kernel holds a file of the root, which no signal and no unmounting ends.
run_ok msb exec box -- sh -c 'head -c 1000000 /dev/zero >/disk
    if busybox losetup -f /disk; then busybox losetup -a; else echo none; fi; echo kept >/root/kept'
[ "$out" != none ] || echo "the kernel has no loop devices"
run_ok msb stop -q box
disk_is_clean
run_ok msb exec box -- cat /root/kept
assert_eq "$out" kept "what was written beside a loop device"
no_leftovers
