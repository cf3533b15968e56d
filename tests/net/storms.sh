#!/usr/bin/env bash
# ctest: timeout=300
# What a guest begins and never ends is bounded and hurts nobody else: floods of handshakes, connections that stay half open,
# packets in pieces that lie about each other, and more connections than this machine has ports for.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4
serve_world
in_host ip neigh add 93.184.215.99 lladdr 02:00:00:00:00:99 dev cable nud permanent # never answers
host_ok create -q -n box --net public
host_ok create -q -n other --net public
for tool in raw udp; do
    in_host "$MSB" exec box -- sh -c "cat >/bin/$tool; chmod 755 /bin/$tool" <"$MSB_BUILD/tools/$tool"
done
host_ok exec box -- sh -c 'a=${MSB_NET_IPV4#addr=}; echo "${a%%/*}"'
us=$out
netd=$(test_processes | awk '$2 == "netd" { print $1 }' | head -1)
reaches() { # reaches SANDBOX
    in_host timeout 20 "$MSB" exec "$1" -- sh -c "echo hi | nc -w 5 $WORLD4 80" | grep -q 'world got hi'
}

# ---- handshakes ----
for to in 93.184.215.99 "$WORLD4" 10.1.2.3; do
    host_ok exec box -- raw syns "$us" "$to" 80 20000
    reaches other || fail_test "another sandbox, while one floods $to"
    [ "$(find "/proc/$netd/fd" | wc -l)" -lt 700 ] || fail_test "descriptors after a flood to $to"
done
eventually 60 reaches box
[ "$(awk '/^VmRSS/ { print $2 }' "/proc/$netd/status")" -lt 65536 ] || fail_test "memory after floods"

# ---- pieces ----
host_ok exec box -- raw fragments "$us" "$WORLD4" 90 tiny
assert_eq "$out" 'a question in pieces....' "pieces that fit"
for kind in overlapping endless; do
    host_ok exec box -- raw fragments "$us" "$WORLD4" 90 $kind
    assert_eq "$out" nothing "$kind pieces"
done
host_ok exec box -- raw fragments "$us" "$WORLD4" 90 many
assert_eq "$out" 'a question in pieces....' "pieces after many that are alone"

# ---- ports of this machine ----
in_host sysctl -q -w 'net.ipv4.ip_local_port_range=40000 40003'
host_ok exec box -- sh -c "for i in 1 2 3 4 5 6 7 8; do nc -w 20 $WORLD4 83 </dev/zero >/dev/null 2>&1 & done; sleep 2
    nc -w 5 $WORLD4 83 </dev/null 2>&1; kill \$(jobs -p); wait; true"
assert_not_contains "$out" 0 "a connection without a port for it"
grep -q 'Cannot assign requested address' "$MSB_HOME/sandboxes/box/logs/runtime.log" ||
    host_ok net log box --format json
in_host sysctl -q -w 'net.ipv4.ip_local_port_range=32768 60999'
eventually 60 reaches box
reaches other
[ -d "/proc/$netd" ] || fail_test "the network process ended"
host_ok rm -q -f box other
no_leftovers
