#!/usr/bin/env bash
# ctest: timeout=180
# How a guest is connected: addresses and pools that were asked for, with and without routes of the host; the MTU; limits
# of bytes and frames in either direction.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
need python3
make_networks 4
serve_world

# Addresses, also of a family that the host has no route for.
host_ok run --net-ipv4 10.9.8.6 --net-ipv6 fd00:1:2:3::5 --net-mac 02:00:00:00:00:77 --net-mtu 9000 \
    -- sh -c "env | grep ^MSB_NET; cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu; echo hello | nc -w 5 $WORLD4 80"
assert_contains "$out" "MSB_NET_IPV4=addr=10.9.8.6/30,gw=10.9.8.5,dns=10.9.8.5"
assert_contains "$out" "MSB_NET_IPV6=addr=fd00:1:2:3::5/64,gw=fd00:1:2:3::1,dns=fd00:1:2:3::1"
assert_contains "$out" "02:00:00:00:00:77"
assert_contains "$out" 9000
assert_contains "$out" "world got hello"
host_ok run --net-ipv4-pool 10.64.0.0/16 -- sh -c 'env | grep ^MSB_NET_IPV4'
assert_match "$out" '^MSB_NET_IPV4=addr=10\.64\.[0-9]+\.[0-9]+/30,gw=10\.64\.'
make_networks 4 6
rm -f "$T/world.ready"
serve_world
host_ok run --net-ipv4-pool 10.64.0.0/30 --net-ipv6-pool fd99:8:7::/48 -- sh -c 'env | grep ^MSB_NET'
assert_contains "$out" "addr=10.64.0.2/30"
assert_match "$out" 'addr=fd99:8:7:[0-9a-f]*::2/64'

for wrong in '--net-ipv4 10.0.0.1' '--net-ipv4 10.0.0.x' '--net-ipv6 fd00::1' '--net-ipv4-pool 10.0.0.0/31' \
    '--net-ipv6-pool 10.0.0.0/8' '--net-mac 01:00:00:00:00:00' '--net-mtu 100' '--net-egress-bandwidth fast' \
    '--net-egress-bandwidth 0' '--net-ingress-ops 10/0s' '--net-ingress-ops-burst 10'; do
    # shellcheck disable=SC2086 # a flag and its value
    host_run 20 create -n bad $wrong
    [ "$code" -ne 0 ] || fail_test "taken: $wrong"
    assert_not_contains "$err" "internal"
done

moved() { # moved BYTES LEAST MOST OPTIONS...: a guest sends so much in a time between these, in milliseconds
    local bytes=$1 least=$2 most=$3
    shift 3
    host_ok run "$@" --net public -- sh -c \
        "nc -w 20 $WORLD4 80 </dev/null >/dev/null 2>&1; a=\$(cut -d' ' -f1 /proc/uptime); head -c $bytes /dev/zero | nc -w 20 $WORLD4 80 >/dev/null; b=\$(cut -d' ' -f1 /proc/uptime); echo \"\$a \$b\""
    local took
    took=$(echo "$out" | awk '{ printf "%d", ($2 - $1) * 1000 }')
    if [ "$took" -lt "$least" ] || [ "$took" -gt "$most" ]; then fail_test "$bytes bytes took $took ms ($*)"; fi
}
moved 2000000 0 1500
moved 2000000 1500 8000 --net-egress-bandwidth 500K
moved 2000000 0 1500 --net-egress-bandwidth 500K --net-egress-bandwidth-burst 4M
moved 400000 200 50000 --net-egress-ops 5/500ms
host_ok create -q -n box --net-ingress-bandwidth 1M/1s --net-ingress-bandwidth-burst 2M
host_ok inspect box --format json
assert_contains "$out" '"size": 1048576'
assert_contains "$out" '"one_time_burst": 2097152'
host_ok rm -q -f box
no_leftovers
