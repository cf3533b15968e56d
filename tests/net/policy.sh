#!/usr/bin/env bash
# ctest: timeout=300
# What a guest may reach follows from its profiles; what it may not fails at once.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world
in_host ip addr add 10.77.0.1/24 dev cable # the host, in a private network
in_world ip addr add 10.77.0.2/24 dev cable
in_world ip addr add 169.254.169.254/32 dev lo
helper nsenter --net --target "$HOST_PID" -- python3 -c '
import socket, threading
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "10.77.0.1")):
    listener = socket.create_server((address, 7000), family=family)
    def serve(listener=listener, address=address):
        while True:
            connection, _ = listener.accept()
            connection.sendall(b"host " + address.encode())
            connection.close()
    threading.Thread(target=serve).start()
'

# reaches ADDRESS PORT: what the guest gets from there, or "refused".
cat >"$T/reach" <<'END'
reaches() { echo "$1 $2: $(echo hi | timeout 10 nc -w 5 "$1" "$2" 2>&1 | head -c 100)"; }
END
guest() { # guest PROFILE COMMANDS
    host_ok run --no-net-explanations ${1:+--net "$1"} -- sh -c "$(cat "$T/reach"); $2"
}

guest public "reaches $WORLD4 80; reaches $WORLD6 80; reaches 10.77.0.2 80; reaches 10.77.0.1 7000
    reaches 169.254.169.254 80; reaches host.microsandbox.internal 7000; reaches $HOST4 7000; reaches www.test.example 80"
assert_contains "$out" "$WORLD4 80: world got hi"
assert_contains "$out" "$WORLD6 80: world got hi"
assert_contains "$out" "www.test.example 80: world got hi"
for closed in '10.77.0.2 80' '10.77.0.1 7000' '169.254.169.254 80' 'host.microsandbox.internal 7000' "$HOST4 7000"; do
    assert_match "$out" "^$closed: .*refused" "a closed destination"
done

guest private "reaches $WORLD4 80; reaches 10.77.0.2 80; reaches 10.77.0.1 7000; reaches host.microsandbox.internal 7000"
assert_match "$out" "^$WORLD4 80: .*refused"
assert_contains "$out" '10.77.0.2 80: world got hi'
assert_match "$out" '^10.77.0.1 7000: .*refused' "the host's own address"
assert_match "$out" '^host.microsandbox.internal 7000: .*refused'

guest host "reaches $WORLD4 80; reaches host.microsandbox.internal 7000; nslookup nothing.test.example | grep -ci nxdomain"
assert_match "$out" "^$WORLD4 80: .*refused"
assert_match "$out" '^host.microsandbox.internal 7000: host (127.0.0.1|::1)$'

guest public,private,host "reaches 10.77.0.1 7000; reaches 10.77.0.2 80; reaches $WORLD4 80"
assert_contains "$out" '10.77.0.1 7000: host 10.77.0.1'
assert_contains "$out" "$WORLD4 80: world got hi"

guest all "reaches 169.254.169.254 80; reaches 127.0.0.1 7000; reaches 10.77.0.1 7000"
assert_contains "$out" '169.254.169.254 80: world got hi'
assert_match "$out" '^127.0.0.1 7000: .*refused' "the guest's own loopback"
assert_contains "$out" '10.77.0.1 7000: host'

# Published ports only: nothing goes out, names do not exist, at once.
begin=$EPOCHREALTIME
host_ok create -q -n quiet --net none -p 9999:9999 --no-net-explanations
in_host "$MSB" exec quiet -- sh -c 'cat >/bin/udp; chmod 755 /bin/udp' <"$MSB_BUILD/tools/udp"
host_ok exec quiet -- sh -c "$(cat "$T/reach"); reaches $WORLD4 80; nslookup www.test.example
    udp send $WORLD4 90 1; udp send $WORLD6 90 1; ping -c 1 -W 2 $WORLD4; true"
assert_match "$out" '^No route to host$' "a prohibited datagram over IPv4"
assert_match "$out" '^Permission denied$' "a prohibited datagram over IPv6"
assert_match "$out" "^$WORLD4 80: .*refused"
assert_match "$out$err" 'NXDOMAIN'
assert_not_contains "$out" 'bytes from'
[ $((${EPOCHREALTIME/./} - ${begin/./})) -lt 15000000 ] || fail_test "denials take their time"

host_ok rm -q -f quiet

# None: no interface.
host_ok run --no-net -- sh -c 'ls /sys/class/net | grep -c eth; env | grep -c MSB_NET; true'
assert_eq "$out" "0
0"
host_ok run --net none -- sh -c 'ls /sys/class/net | grep -c eth; true'
assert_eq "$out" 0

# Denials are in the log for those who want them, and few of them however many there are.
host_ok create -q -n told --net host --log-level info
host_ok exec told -- sh -c "for i in \$(seq 40); do nc -w 5 10.77.0.2 80 </dev/null; done; nc -w 5 169.254.169.254 80 </dev/null; true"
host_ok logs told --source system
assert_contains "$out" 'netd: denied: tcp to 10.77.0.2:80 (private)'
assert_eq "$(grep -c denied <<<"$out")" 20 "lines about denials"
assert_not_contains "$out" 'network lost'
host_ok rm -q -f told

# Wrong options say so.
run_fail 1 'unknown network profile' msb run --net internet -- true
run_fail 1 'cannot be combined' msb run --net all,public -- true
run_fail any 'excludes' msb run --net public --no-net -- true
for bad in 80 80:0 x:80 80:70000 1.2.3:80:80 '::1:80:80' 80:80/icmp host:80:80; do
    run_fail 1 'invalid published port' msb run -p "$bad" -- true
done
run_fail 1 'twice' msb run -p 80:80 -p 127.0.0.1:80:81 -- true
no_leftovers
