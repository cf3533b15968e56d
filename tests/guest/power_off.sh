#!/usr/bin/env bash
# A guest whose init powers it off by itself has stopped, not crashed: running commands end as by a
# signal, or with an error that says why, and the sandbox starts again with what was written.
# ctest: timeout=600
# ctest: heavy
. "$(dirname "$0")/../lib.sh"
need_kernel

# powered_off COMMAND...: of the guest. Sets $ended, the exit code of a command that was running, whose
# stderr is in $T/ended.
powered_off() {
    local running
    run_ok msb exec box -- sh -c 'rm -f /tmp/runs; echo "$1" >/root/data' sh "$*"
    "$MSB" exec box -- sh -c 'touch /tmp/runs; exec sleep 1000' >/dev/null 2>"$T/ended" &
    running=$!
    eventually 10 msb exec box -- test -e /tmp/runs
    run msb exec box -- "$@" # which may end before it can say how
    run_ok limited 60 msb wait box
    ended=0
    wait "$running" || ended=$?
    run_ok msb inspect box --format json
    assert_contains "$out" '"status": "Stopped"'
    assert_contains "$out" '"reason": "Completed"'
    eventually 5 no_test_processes
    run_ok msb start -q box
    run_ok msb exec box -- cat /root/data
    assert_eq "$out" "$*"
}

init_image busybox-init
run_ok msb create -q -n box --init /sbin/init busybox-init
powered_off busybox poweroff
assert_eq "$ended" 143
run_ok msb exec box -- cat /etc/init.down
assert_eq "$out" down
# A power-off without warning: clients with running commands learn that the guest is gone.
powered_off busybox poweroff -f
assert_eq "$ended" 1
assert_contains "$(cat "$T/ended")" "exec session ended without exit event"
assert_contains "$(cat "$T/ended")" "powered itself off"
run_ok msb rm -q -f box

debian_inits_image inits
run_ok msb create -q -m 1G -n box --init /sbin/init inits
in_runlevel_2() { msb exec box -- runlevel | grep -qx "N 2"; }
eventually 60 in_runlevel_2
powered_off poweroff
assert_eq "$ended" 143
run_ok msb rm -q -f box

run_ok msb create -q -m 1G -n box --init /lib/systemd/systemd inits
is_running() {
    state=$(msb exec box -- systemctl is-system-running || :)
    [ "$state" = running ] || [ "$state" = degraded ]
}
eventually 60 is_running
powered_off systemctl poweroff
assert_eq "$ended" 143
run_ok msb rm -q -f box
no_leftovers
