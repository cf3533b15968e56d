#!/usr/bin/env bash
# ctest: timeout=300
# A guest has the address families that its host has a route for, and no others.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel

# guest COMMAND: in a fresh sandbox with --net public.
guest() { host_ok run --net public -- sh -c "$1"; }

# ---- a host with IPv4 only
make_networks 4
serve_world
guest 'env | grep ^MSB_NET_ | sort'
assert_match "$out" '^MSB_NET_IPV4=addr=172\.1[6-9]\.[0-9]+\.[0-9]+/30,gw=172\.1[6-9]\.[0-9]+\.[0-9]+,dns=172\.1[6-9]\.[0-9]+\.[0-9]+$'
assert_not_contains "$out" MSB_NET_IPV6
guest 'grep -c eth0 /proc/net/if_inet6; ip -6 route show default | wc -l; ip -4 route show default'
assert_match "$out" '^0$' "IPv6 addresses"
assert_match "$out" 'default via 172\.'
guest "echo hello | nc -w 5 $WORLD4 80"
assert_eq "$out" "world got hello"
guest 'nslookup -type=a www.test.example; nslookup -type=aaaa www.test.example; true'
assert_contains "$out" "$WORLD4"
assert_not_contains "$out" "$WORLD6"
guest "echo hello | nc -w 5 www.test.example 80"
assert_eq "$out" "world got hello"

# An address that is asked for brings its family along.
host_ok run --net public --net-ipv6 fd00::2 -- sh -c 'env | grep ^MSB_NET_IPV6; ip -6 route show default'
assert_contains "$out" "MSB_NET_IPV6=addr=fd00::2/64,gw=fd00::1,dns=fd00::1"
assert_contains "$out" "default via fd00::1"

# ---- a host with IPv6 only
make_networks 6
rm -f "$T/world.ready"
serve_world
guest 'env | grep ^MSB_NET_ | sort'
assert_match "$out" '^MSB_NET_IPV6=addr=fd42:6d73:62:[0-9a-f]*::2/64,gw=fd42:6d73:62:[0-9a-f]*::1,dns=fd42:6d73:62:[0-9a-f]*::1$'
assert_not_contains "$out" MSB_NET_IPV4
guest 'ip -4 addr show eth0 | grep -c inet; grep -c eth0 /proc/net/if_inet6; ip -6 route show default'
assert_match "$out" '^0$' "IPv4 addresses"
assert_match "$out" 'default via fd42:'
guest "echo hello | nc -w 5 $WORLD6 80"
assert_eq "$out" "world got hello"
guest 'nslookup -type=aaaa www.test.example; nslookup -type=a www.test.example; true'
assert_contains "$out" "$WORLD6"
assert_not_contains "$out" "$WORLD4"
guest "echo hello | nc -w 5 www.test.example 80"
assert_eq "$out" "world got hello"

# Ports can be published there, on the host's loopback of either family.
host_ok create -q -n box -p 8080:80 -p '[::1]:8080:80'
host_ok exec -d box -- sh -c 'while :; do echo published | nc -l -p 80; done'
for address in 127.0.0.1 ::1; do
    eventually 10 in_host sh -c "timeout 5 busybox nc -w 3 $address 8080 </dev/null | grep published"
done
host_ok rm -q -f box

# ---- both, and neither
make_networks 4 6
guest 'env | grep -c ^MSB_NET_IPV'
assert_eq "$out" 2
make_networks
guest 'env | grep -c ^MSB_NET_IPV; ls /sys/class/net | grep eth0; ip addr show eth0 | grep -c inet; true'
assert_eq "$out" "0
eth0
0"
no_leftovers
