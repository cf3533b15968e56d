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

disk_is_clean() { # NAME: where this machine can tell
    command -v e2fsck >/dev/null || return 0
    e2fsck -fn "$MSB_HOME/sandboxes/$1/upper.ext4" >"$T/fsck" 2>&1 || { cat "$T/fsck" >&2; fail_test "the disk of $1 is not clean"; }
}

# An init that takes its request and does not go: SIGTERM is next, 5 s later, and then, when the grace is over, the
# power-off without it. It notes each with the time of its guest.
make_rootfs "$T/root"
cat >"$T/root/stubborn" <<'SH'
#!/bin/sh
note() { read -r up _ </proc/uptime; echo "$1 $up" >>/root/noted; }
trap 'note asked' USR2
trap 'note term' TERM
touch /root/ready
while :; do sleep 0.1; done
SH
chmod 755 "$T/root/stubborn"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t stubborn
run_ok msb create -q -n box --init /stubborn stubborn
run_ok msb exec box -- sh -c 'echo kept >/root/data; while [ ! -e /root/ready ]; do sleep 0.05; done'
start=$SECONDS
run_ok msb stop -q -t 9 box
took=$((SECONDS - start))
if [ $took -lt 9 ] || [ $took -gt 30 ]; then fail_test "stop took $took s, wanted 9"; fi
run_ok msb inspect box --format json
assert_contains "$out" '"status": "Stopped"'
disk_is_clean box
run_ok msb start -q box
run_ok msb exec box -- cat /root/data
assert_eq "$out" kept
run_ok msb exec box -- cat /root/noted
awk 'NR == 1 { first = $1; asked = $2 } NR == 2 { second = $1; after = $2 - asked }
    END { exit !(NR == 2 && first == "asked" && second == "term" && after > 4 && after < 8.5) }' <<<"$out" ||
    fail_test "the init was not asked and 5 s later told: $out"
run_ok msb rm -q -f box

# The host is the backstop: a guest that does nothing at all is ended with all the rest.
run_ok msb create -q -n box --init /sbin/init inited
engine=$(host_pids_of linux)
[ -n "$engine" ] || fail_test "no engine among $(test_processes)"
# shellcheck disable=SC2086
kill -STOP $engine
run_ok msb stop -q -t 1 box
run_ok msb inspect box --format json
assert_contains "$out" '"status": "Stopped"'
assert_contains "$(cat "$MSB_HOME/sandboxes/box/logs/runtime.log")" "did not power off in time"
run_ok msb rm -q -f box

# Without a handoff nobody is waited for: the root is made read-only and the guest is off. bench/init.sh holds this to
# its 100 ms; here the best of three is to be far from every grace, on a machine under any load.
run_ok msb create -q -n box
best=999999
for _ in 1 2 3; do
    run_ok msb exec box -- sh -c 'date >/root/data'
    [ "$(msb ls --running -q)" = box ] || run_ok msb start -q box
    took=$(milliseconds msb stop -q -t 60 box)
    [ "$took" -ge "$best" ] || best=$took
    stopped_by_itself box
    disk_is_clean box
done
[ "$best" -lt 2000 ] || fail_test "a stop without an init took $best ms"
run_ok msb rm -q -f box
no_leftovers
