#!/usr/bin/env bash
# Inits of a real distribution besides systemd: they become process 1, commands run beside them, and
# stop goes through their own shutdown.
# ctest: timeout=600
# ctest: heavy
. "$(dirname "$0")/../lib.sh"
need_kernel
debian_inits_image inits

try() { # INIT COMM
    run_ok msb create -q -m 1G -n box --init "$1" inits
    named() { [ "$(msb exec box -- cat /proc/1/comm)" = "$2" ]; }
    eventually 30 named "$@"
    run_ok msb exec box -- sh -c 'echo kept >/root/data; hostname'
    assert_eq "$out" box
    sleep 3 # its start-up scripts; being asked in the middle of them is no init's strength
    run_ok msb stop -q -t 90 box
    assert_not_contains "$(cat "$MSB_HOME/sandboxes/box/logs/runtime.log")" "did not power off in time"
    assert_not_contains "$(cat "$MSB_HOME/sandboxes/box/logs/kernel.log")" "did not power off in time"
    run_ok msb start -q box
    run_ok msb exec box -- cat /root/data
    assert_eq "$out" kept
    run_ok msb rm -q -f box
}
try /sbin/init init
try /lib/runit/runit-init runit
no_leftovers
