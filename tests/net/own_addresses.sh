#!/usr/bin/env bash
# ctest: timeout=300
# `--net public` never reaches this machine's own services, whatever address of it leads there and however
# short this machine is of ports; addresses that hand out credentials can be named.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world
helper nsenter --net --target "$HOST_PID" -- python3 -c '
import socket, sys, threading
heard = open(sys.argv[1], "a")
def serve(kind, family, address):
    service = socket.socket(family, kind)
    if family == socket.AF_INET6:
        service.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    service.bind((address, 7000))
    if kind == socket.SOCK_DGRAM:
        while True:
            data, peer = service.recvfrom(100)
            print(data, file=heard, flush=True)
            service.sendto(b"host", peer)
    service.listen(50)
    while True:
        connection, _ = service.accept()
        connection.sendall(b"host")
        connection.close()
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        threading.Thread(target=serve, args=(kind, family, address)).start()
' "$T/heard"
eventually 10 in_host sh -c 'for table in tcp tcp6 udp udp6; do grep -q ":1B58 " /proc/net/$table || exit 1; done'
host_ok create -q -n box --net public
in_host "$MSB" exec box -- sh -c 'cat >/bin/udp; chmod 755 /bin/udp' <"$MSB_BUILD/tools/udp"
cat >"$T/reach" <<'END'
for address; do
    echo "$address: $(timeout 10 nc -w 5 "$address" 7000 </dev/null 2>&1) $(udp send "$address" 7000 4 2>&1)"
done
END
# closed WHEN ADDRESS...: the guest reaches nothing of the host's there, by TCP or UDP.
closed() {
    local when=$1
    shift
    : >"$T/heard"
    host_ok exec box -- sh -s -- "$@" <"$T/reach"
    assert_eq "$(grep -c . <<<"$out")" $# "answers $when"
    assert_not_contains "$out" ': host' "TCP $when"
    assert_eq "$(cat "$T/heard")" "" "datagrams $when"
}
in_host sysctl -q -w net.ipv6.conf.all.forwarding=1 # a router has the subnet's anycast address
anycast=2606:2800:220:1::
# Its own datagrams show that it leads here; the answer comes from another address.
in_host python3 -c "
import socket
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'own', ('$anycast', 7000))"
eventually 5 grep -q own "$T/heard"
closed "at its addresses" "$HOST4" "$HOST6" "::ffff:$HOST4" "$anycast" "2002:5db8:d701::1"

# Addresses that come later, and a whole range that this machine takes for its own.
in_host ip addr add 8.8.4.100/32 dev lo
in_host ip addr add 2606:4700::77/128 dev lo nodad
in_host ip route add local 9.9.9.0/24 dev lo
closed "at new addresses" 8.8.4.100 2606:4700::77 9.9.9.9

# No UDP port is left to try anything with.
in_host sysctl -q -w 'net.ipv4.ip_local_port_range=40000 40003'
helper nsenter --net --target "$HOST_PID" -- python3 -c '
import socket, sys, time
taken = []
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    for port in range(40000, 40004):
        taken.append(socket.socket(family, socket.SOCK_DGRAM))
        if family == socket.AF_INET6:
            taken[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken[-1].bind((address, port))
open(sys.argv[1], "w").close()
time.sleep(1000)' "$T/taken"
eventually 10 test -e "$T/taken"
closed "without free ports" "$HOST4" "$HOST6" "$anycast" 8.8.4.100
host_ok exec box -- sh -c "echo hi | nc -w 5 $WORLD4 80"
assert_eq "$out" "world got hi" "others are reached as before"
host_ok rm -q -f box

# A service of this network that hands out credentials.
in_host sysctl -q -w 'net.ipv4.ip_local_port_range=40000 60000'
echo "{\"network\": {\"metadata_addresses\": [\"$WORLD4\", \"2606:2800:220:1::/64\"]}}" >"$MSB_HOME/config.json"
host_ok run --net public,private -- sh -c "for a in $WORLD4 $WORLD6; do echo hi | nc -w 5 \$a 80 2>&1; done; true"
assert_not_contains "$out" 'world got' "a metadata service that was named"
host_ok run --net all -- sh -c "echo hi | nc -w 5 $WORLD4 80"
assert_eq "$out" "world got hi"
rm "$MSB_HOME/config.json"
no_leftovers
