#!/usr/bin/env bash
# ctest: timeout=120
# A lookup at a server of the guest's choice is judged like any other, and needs that server to be allowed as well;
# names over TLS, QUIC, mDNS, LLMNR and NetBIOS are no way round, whatever is allowed.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

at_world() { # at_world SANDBOX udp|tcp CODE NAME: asked of the world's server itself
    host_ok exec "$1" -- ask "$2" "$WORLD4" "$4"
    assert_eq "$out" "$3" "$2 lookup of $4 at $WORLD4"
}
lookups other --net-rule "allow@$WORLD4,allow@*.good.test.example"
for transport in udp tcp; do
    at_world other $transport 0 a.good.test.example
    at_world other $transport 3 bad.test.example
done
assert_eq "$(grep -c ^bad "$T/world.ready.names" || true)" 0 "lookups that reached the server"
lookups blocked --net public --net-rule 'deny@*.bad.test.example'
at_world blocked udp 0 www.test.example
at_world blocked udp 3 a.bad.test.example
at_world blocked tcp 3 a.bad.test.example

# The server is not allowed: none over TCP, where it is refused before the first question.
lookups closed --net-rule "deny@$WORLD4,allow@dns,allow@public"
asks closed udp 0 www.test.example
at_world closed udp 3 www.test.example
at_world closed tcp none www.test.example

# What another server says names no address: it could be the guest's own.
at_world other udp 0 good.test.example
host_ok exec other -- sh -c "echo hi | nc -w 5 $WORLD4 80"
assert_eq "$out" 'world got hi'
lookups named --net-rule "allow@$WORLD4:any:53,allow@*.good.test.example"
at_world named udp 0 good.test.example
host_ok exec named -- sh -c "echo hi | nc -w 5 $WORLD4 80; true"
assert_eq "$out" '' "an address that only the other server named"
asks named udp 0 good.test.example
host_ok exec named -- sh -c "echo hi | nc -w 5 $WORLD4 80"
assert_eq "$out" 'world got hi'

# The other ways to look names up.
lookups all --net all --net-rule 'allow@any'
in_host "$MSB" exec all -- sh -c 'cat >/bin/udp; chmod 755 /bin/udp' <"$MSB_BUILD/tools/udp"
capture_cable
for port in 853 5353 5355 137; do
    host_ok exec all -- sh -c "udp send $WORLD4 $port 1; udp send $WORLD6 $port 1
        nc -w 5 $WORLD4 $port </dev/null; nc -w 5 $WORLD6 $port </dev/null; true"
    assert_not_contains "$out" nothing "a datagram to port $port" # refused at once
done
host_run 20 exec all -- udp send 224.0.0.251 5353 1
assert_eq "$(cat "$T/seen")" "" "packets that left"
host_ok exec all -- udp send "$WORLD4" 90 1
assert_eq "$out" 1
host_run 20 net check all 1.1.1.1:853
assert_contains "$out" 'port 853 is closed'
host_ok rm -q -f other blocked closed named all
no_leftovers
