#!/usr/bin/env bash
# Inits of a real distribution besides systemd: they become process 1, commands run beside them, and
# stop goes through their own shutdown, also when it comes in the middle of their start-up.
# ctest: timeout=900
# ctest: heavy
. "$(dirname "$0")/../lib.sh"
need_kernel

# stopped PATTERN COUNT: stops the box; its init has said PATTERN on the console COUNT times by now.
stopped() {
    run_ok limited 100 msb stop -q -t 90 box
    # It has 5 s before it is told again, which a machine with other things to do may not give it.
    if ! busy_machine; then
        stopped_by_itself box
        assert_eq "$(grep -c -- "$1" "$MSB_HOME/sandboxes/box/logs/kernel.log")" "$2" "times that the init said '$1'"
    fi
    run_ok msb inspect box --format json
    assert_contains "$out" '"status": "Stopped"'
    assert_contains "$out" '"reason": "ShutdownRequested"'
}

try() { # IMAGE COMM UP DOWN INIT [OPTION...]; UP: a command that succeeds once it has started up
    local image=$1 comm=$2 up=$3 down=$4
    shift 4
    run_ok msb create -q -m 1G -n box --init "$@" "$image"
    is_init() { [ "$(msb exec box -- cat /proc/1/comm)" = "$comm" ]; }
    is_up() { msb exec box -- sh -c "$up" >/dev/null; }
    eventually 30 is_init
    run_ok msb exec box -- sh -c 'echo kept >/root/data; hostname'
    assert_eq "$out" box
    stopped "$down" 1 # it is still starting up
    run_ok msb start -q box
    run_ok msb exec box -- cat /root/data
    assert_eq "$out" kept
    eventually 120 is_up
    run_ok msb exec box -- sh -c 'echo more >>/root/data; cat /proc/1/comm'
    assert_eq "$out" "$comm"
    stopped "$down" 2
    run_ok msb start -q box
    run_ok msb exec box -- cat /root/data
    assert_eq "$out" "kept
more"
}

debian_inits_image inits
try inits init 'runlevel | grep -qx "N 2"' 'INIT: Switching to runlevel: 0' /sbin/init
run_ok msb rm -q -f box
try inits runit 'pidof runsvdir' 'enter stage: /etc/runit/3' /lib/runit/runit-init
run_ok msb rm -q -f box
# s6 says nothing; its service did when it was stopped.
try inits s6-svscan 's6-svstat /etc/s6/idle | grep -q ^up' 'reboot: Power down' /usr/bin/s6-svscan --init-arg /etc/s6
run_ok msb exec box -- cat /root/service
assert_eq "$out" stopped
run_ok msb rm -q -f box

# Debian's OpenRC has an init of its own, and is driven by sysvinit's where that is installed.
debian_inits_image openrc openrc sysvinit-core
try openrc openrc-init 'test -p /run/openrc/init.ctl' 'Starting shutdown runlevel' /sbin/openrc-init
run_ok msb rm -q -f box
try openrc init 'rc-status default | grep -q started' 'INIT: Switching to runlevel: 0' /sbin/init
run_ok msb rm -q -f box
no_leftovers
