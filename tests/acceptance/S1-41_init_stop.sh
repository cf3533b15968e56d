#!/usr/bin/env bash
# Stop adapts to the init: it is asked to power off in its own way; one that does not is given SIGTERM
# and then ended, within the window.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

run_ok msb create -q -n box --init /sbin/init inited
run_ok msb exec box -- sh -c 'echo kept >/root/data'
"$MSB" exec box -- sh -c 'trap "echo bye >/root/bye; exit 0" TERM; touch /root/ready; while :; do sleep 0.05; done' &
kind=$!
eventually 10 msb exec box -- test -e /root/ready
run_ok msb stop -q -t 30 box
wait "$kind" || :
stopped_by_itself box
run_ok msb start -q box
run_ok msb exec box -- cat /etc/init.down /root/data /root/bye
assert_eq "$out" "down
kept
bye"
run_ok msb rm -q -f box

# An init that ignores everything: the grace is the bound, and what was written is kept.
make_rootfs "$T/root"
printf '#!/bin/sh\ntrap "echo term >/root/term" TERM\nwhile :; do sleep 0.1; done\n' >"$T/root/stubborn"
chmod 755 "$T/root/stubborn"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t stubborn
run_ok msb create -q -n box --init /stubborn stubborn
run_ok msb exec box -- sh -c 'echo kept >/root/data'
start=$SECONDS
run_ok msb stop -q -t 1 box
[ $((SECONDS - start)) -lt 20 ] || fail_test "stop took $((SECONDS - start)) s"
run_ok msb inspect box --format json
assert_contains "$out" '"status": "Stopped"'
if command -v e2fsck >/dev/null; then
    e2fsck -fn "$MSB_HOME/sandboxes/box/upper.ext4" >"$T/fsck" 2>&1 || { cat "$T/fsck" >&2; fail_test "the disk is not clean"; }
fi
run_ok msb start -q box
run_ok msb exec box -- cat /root/data /root/term
assert_eq "$out" "kept
term"
# Without a handoff the guest is gone at once.
run_ok msb rm -q -f box
no_leftovers
