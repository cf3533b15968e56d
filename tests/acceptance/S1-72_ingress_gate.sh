#!/usr/bin/env bash
# ctest: timeout=120
# Connections to published ports are judged by peer and guest port before a byte moves: reset, or let through.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

cat >"$T/peer" <<'END'
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as connection:
        print(connection.recv(100).decode().strip())
except ConnectionResetError:
    print("ECONNRESET")
END
gate() { # gate OPTIONS...: a guest that counts its connections on port 8080, published as 8080
    host_ok create -q -n gate -p 0.0.0.0:8080:8080 "$@"
    host_ok exec -d gate -- sh -c 'while true; do echo guest | nc -l -p 8080; echo x >>/root/seen; done'
}
let_in() { [ "$("$1" python3 "$T/peer" "$2" 8080 2>&1)" = guest ]; }

gate --net-rule 'deny:ingress@any'
for _ in 1 2 3; do
    assert_eq "$(in_host python3 "$T/peer" 127.0.0.1 8080)" ECONNRESET
    assert_eq "$(in_world python3 "$T/peer" $HOST4 8080)" ECONNRESET
done
host_ok exec gate -- sh -c 'cat /root/seen 2>/dev/null; true'
assert_eq "$out" "" "connections that the guest saw"
host_ok rm -q -f gate

gate # ways in are open unless something is said
eventually 20 let_in in_host 127.0.0.1
let_in in_world $HOST4 || fail_test "another machine is not let in"
host_ok rm -q -f gate

gate --net-rule "allow:ingress@$WORLD4:tcp:8080,deny:ingress@any" # by peer
eventually 20 let_in in_world $HOST4
assert_eq "$(in_host python3 "$T/peer" 127.0.0.1 8080)" ECONNRESET
host_ok rm -q -f gate

gate --net-rule "allow:ingress@any:tcp:8081,allow:ingress@any:udp:8080" --net-default-ingress deny # by port and protocol
assert_eq "$(in_host python3 "$T/peer" 127.0.0.1 8080)" ECONNRESET
host_ok rm -q -f gate
no_leftovers
