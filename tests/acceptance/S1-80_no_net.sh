#!/usr/bin/env bash
# --no-net: no interface but loopback, no route, no names; exec and files work.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box --no-net
run_ok msb exec box -- sh -c 'ls /sys/class/net; grep -vc Iface /proc/net/route; echo data >/root/f; cat /root/f'
assert_eq "$(echo "$out" | grep -v -e tunl0 -e sit0 -e ifb)" "lo
0
data"
run_fail any '' msb exec box -- sh -c 'echo x | timeout 5 nc -w 2 192.0.2.1 80'
run_ok msb exec box -- sh -c 'test ! -s /etc/resolv.conf || echo resolv.conf'
assert_eq "$out" "" "a resolver"
run_ok msb inspect box --format json
assert_contains "$out" '"enabled": false'
run_ok msb rm -q -f box
no_leftovers
