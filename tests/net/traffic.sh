#!/usr/bin/env bash
# ctest: timeout=300
# What goes through a sandbox's network arrives, in both directions and however either side ends.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world
host_ok create -q -n box --net public -p 7081:81 -p 7090:90/udp -p '[::1]:7081:81'
host_ok ps box --format json
assert_eq "$(jq -r '.ports | join(" ")' <<<"$out")" "127.0.0.1:7081->81/tcp 127.0.0.1:7090->90/udp [::1]:7081->81/tcp"
host_ok ps
assert_contains "$out" "127.0.0.1:7081->81/tcp, 127.0..."
box() { host_run 60 exec box -- sh -c "$1"; }
for tool in peer udp; do
    in_host "$MSB" exec box -- sh -c "cat >/bin/$tool; chmod 755 /bin/$tool" <"$MSB_BUILD/tools/$tool"
done

for world in $WORLD4 $WORLD6; do
    # Everything of a large stream, both ways; end of file is handed on and the rest still arrives.
    box "nc $world 82 </dev/null | md5sum"
    assert_eq "$out" "$(head -c 67108864 /dev/zero | md5sum)" "64 MiB from the world"
    box "head -c 50000000 /dev/zero | nc $world 83"
    assert_eq "$out" 50000000 "bytes that the world got"
    box "head -c 300000 /dev/urandom >/tmp/data; nc $world 81 </tmp/data >/tmp/back
        head -c 300000 /tmp/back | cmp - /tmp/data && tail -c 3 /tmp/back"
    assert_eq "$out" end "an echo and the end"
    # A closed port, a reset.
    begin=$EPOCHREALTIME
    box "nc -w 20 $world 9 </dev/null || echo failed"
    assert_contains "$out" failed
    assert_prompt "$begin" "a refused connection"
    box "echo x | nc -w 20 $world 84; echo over"
    assert_contains "$out" over
    # Datagrams, also such as have to be cut into fragments, up to the largest that IPv4 has; a port nobody has.
    box "for size in 10 1472 20000 65507; do udp send $world 90 \$size; done; udp send $world 91 10"
    assert_eq "$out" "10
1472
20000
65507
Connection refused"
done

# Nobody there: as the host says.
in_host ip route add unreachable 93.184.216.0/24
box "nc -w 20 93.184.216.1 80 </dev/null; true"
assert_match "$err" 'No route to host'
box 'ping -c 2 -W 2 $(ip -4 route show default | cut -d" " -f3) | grep received; ping -c 1 host.microsandbox.internal | grep received'
assert_match "$out" '2 packets received'
# A large answer comes over TCP.
box 'gateway=$(ip -4 route show default | cut -d" " -f3)
    query="\0\42\1\2\1\0\0\1\0\0\0\0\0\0\3big\4test\7example\0\0\1\0\1"
    printf "$query$query" | nc "$gateway" 53 | wc -c'
# A length and an answer each: the query's 34 bytes, and 16 for each address.
assert_eq "$out" $((2 * (2 + 34 + 200 * 16))) "bytes of large answers"
box 'nslookup nothing.test.example; true'
assert_match "$out$err" 'NXDOMAIN'

# Many at once.
box "for i in \$(seq 50); do (echo \$i | nc -w 20 $WORLD4 80 >/tmp/many.\$i) & done; wait; cat /tmp/many.* | grep -c 'world got'"
assert_eq "$out" 50 "answers"

# Published ports: TCP with both ends ending first, UDP.
host_ok exec box -- sh -c 'peer 81 sh -c "cat; echo bye"'
for address in 127.0.0.1 ::1; do
    run in_host timeout 20 python3 -c '
import socket, sys
connection = socket.create_connection((sys.argv[1], 7081))
data = bytes(range(256)) * 4000
import threading
threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR))).start()
got = b""
while piece := connection.recv(65536):
    got += piece
assert got == data + b"bye\n", len(got)
print("whole")' $address
    assert_eq "$out" whole "what went through a published port to $address ($err)"
done
host_ok exec -d box -- udp serve 90
run in_host timeout 20 python3 -c '
import socket
for _ in range(50):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(0.2)
    client.connect(("127.0.0.1", 7090))
    try:
        client.send(b"ping")
        print(client.recv(100).decode())
        break
    except OSError:
        pass'
assert_eq "$out" ping "UDP through a published port"
run in_host timeout 10 python3 -c '
import socket
connection = socket.create_connection(("127.0.0.1", 7081))'
host_ok inspect box
assert_match "$out" '^Network: *public$'
assert_match "$out" '127.0.0.1:7081 -> 81'
host_ok inspect box --format json
assert_contains "$(jq -c .config.network <<<"$out")" '"host_port":7090'
host_ok rm -q -f box
no_leftovers
