#!/usr/bin/env bash
# A systemd image comes up, units can be started, and stop powers it off through systemd.
# ctest: timeout=600
# ctest: heavy
. "$(dirname "$0")/../lib.sh"
need_kernel
debian_inits_image inits

run_ok msb create -q -m 1G -n box --init /lib/systemd/systemd inits
settled() {
    state=$(msb exec box -- systemctl is-system-running || :)
    [ "$state" = running ] || [ "$state" = degraded ]
}
eventually 120 settled
run_ok msb exec box -- cat /proc/1/comm
assert_eq "$out" systemd
run_ok msb exec box -- sh -c 'printf "[Service]\nType=oneshot\nExecStart=/bin/sh -c \"echo ran >/root/unit\"\nRemainAfterExit=yes\nExecStop=/bin/sh -c \"echo ended >/root/ended\"\n" >/etc/systemd/system/mine.service
    systemctl daemon-reload && systemctl start mine && cat /root/unit && systemctl is-active mine'
assert_eq "$out" "ran
active"
run_ok msb exec box -- systemctl --failed --no-legend --plain
assert_eq "$out" "" "failed units"
# Stopping goes through systemd: it stops its units, and the sandbox did not have to be killed.
run_ok msb stop -q -t 60 box
run_ok msb inspect box --format json
assert_contains "$out" '"reason": "ShutdownRequested"'
stopped_by_itself box
run_ok msb start -q box
run_ok msb exec box -- cat /root/ended
assert_eq "$out" ended "the unit was stopped"
# A power-off from inside is an ordinary end.
eventually 120 settled
run msb exec box -- systemctl poweroff
eventually 60 sh -c '"$0" ls --stopped -q | grep -qx box' "$MSB"
run_ok msb rm -q -f box
no_leftovers
