#!/usr/bin/env bash
# ctest: timeout=200
# An address that is closed is closed in all of its spellings: metadata services, loopbacks and this machine's own addresses as
# IPv4 in IPv6 (mapped, NAT64, 6to4), and as the decimal, octal, hexadecimal and short numbers that programs take for addresses.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world
# A metadata service where the host would find it, also behind translators; services on all of the host's addresses.
in_world ip addr add 169.254.169.254/32 dev cable
in_world ip -6 route add local 64:ff9b::/96 dev lo
in_world ip -6 route add local 2002::/16 dev lo
in_host ip route add 169.254.169.254/32 dev cable
eventually 10 in_host sh -c 'echo hi | timeout 2 nc -w 2 169.254.169.254 80 | grep -q world || echo hi | timeout 2 busybox nc -w 2 169.254.169.254 80 | grep -q world'
helper nsenter --net --target "$HOST_PID" -- python3 -c '
import socket
listener = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    connection, _ = listener.accept()
    connection.sendall(b"host")
    connection.close()'
eventually 10 in_host sh -c 'grep -q ":0050 .* 0A " /proc/net/tcp6'

capture_cable
host_ok create -q -n box --net public,private --net-default deny
cat >"$T/try" <<'END'
for address; do
    echo "$address: $(echo hi | timeout 10 nc -w 5 "$address" 80 2>&1)"
done
END
# closed ADDRESS...: nobody answers there, and nothing is sent.
closed() {
    host_ok exec box -- sh -s -- "$@" <"$T/try"
    assert_eq "$(grep -c . <<<"$out")" $# "answers"
    assert_not_contains "$out" 'world got'
    assert_not_contains "$out" ': host'
    assert_eq "$(cat "$T/seen")" "" "packets that left"
}
closed 169.254.169.254 2852039166 0251.0376.0251.0376 0xa9fea9fe 0xa9.0xfe.0xa9.0xfe 169.254.43518 169.16689662 \
    ::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b::169.254.169.254 2002:a9fe:a9fe::1 fd00:ec2::254
closed 127.0.0.1 127.1 2130706433 0177.0.0.1 017700000001 0x7f000001 0 0.0.0.0 127.127.127.127 \
    ::1 :: ::ffff:127.0.0.1 ::ffff:0:0 64:ff9b::7f00:1 2002:7f00:1::1
closed "$HOST4" "$HOST6" "::ffff:$HOST4" "64:ff9b::$HOST4" 2002:5db8:d701::1 1572394753 0x5db8d701 0135.0270.0327.01

# The same spellings of an address that is open lead there, so the tries mean something.
host_ok exec box -- sh -s -- "$WORLD4" 1572394766 0x5db8d70e 0135.0270.0327.016 <"$T/try"
assert_eq "$(grep -c ': world got hi' <<<"$out")" 4 "ways to a service that is open ($out)"
host_ok rm -q -f box
no_leftovers
