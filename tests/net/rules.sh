#!/usr/bin/env bash
# ctest: timeout=300
# --net-rule: the first rule that matches decides, for addresses, names, lookups and peers of published ports; what
# cannot be honoured starts nothing; `msb net check` says the same as the network does.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world
in_host ip addr add 10.77.0.1/24 dev cable # the host, in a private network
in_world ip addr add 10.77.0.2/24 dev cable
in_world ip addr add 169.254.169.254/32 dev lo
in_world ip addr add 93.184.215.20/24 dev cable # public, and has no name
helper nsenter --net --target "$HOST_PID" -- python3 -c '
import socket
listener = socket.create_server(("0.0.0.0", 7000))
while True:
    connection, _ = listener.accept()
    connection.sendall(b"host")
    connection.close()'

cat >"$T/reach" <<'END'
reaches() { echo "$1 $2: $(echo hi | timeout 10 nc -w 5 "$1" "$2" 2>&1 | head -c 100)"; }
finds() { if nslookup "$1" 2>&1 | grep -q 'Address.*\(93.184\|2606\)'; then echo "$1: found"; else echo "$1: none"; fi; }
END
guest() { # guest COMMANDS OPTIONS...
    host_ok run --no-net-explanations "${@:2}" -- sh -c "$(cat "$T/reach"); $1"
}
open() { assert_contains "$out" "$1: world got hi"; }
closed() { assert_match "$out" "^$1: .*refused|^$1: .*bad address"; }

# Addresses and prefixes, IPv4 and IPv6, with protocols and ports.
guest "reaches $WORLD4 80; reaches $WORLD4 81; reaches $WORLD6 80; reaches 10.77.0.2 80; finds www.test.example" \
    --net-rule "allow@$WORLD4:tcp:80-80" --net-rule "allow@10.77.0.0/24,deny@any"
open "$WORLD4 80"
open "10.77.0.2 80"
closed "$WORLD4 81"
closed "$WORLD6 80"
assert_contains "$out" 'www.test.example: none'
guest "reaches $WORLD6 80; reaches $WORLD4 80" --net-rule 'allow@[2606:2800::/32]:tcp'
open "$WORLD6 80"
closed "$WORLD4 80"

# The first that matches decides, and rules come before profiles.
guest "reaches $WORLD4 80; reaches 93.184.215.20 80; finds www.test.example" --net public --net-rule "deny@$WORLD4"
closed "$WORLD4 80"
open "93.184.215.20 80"
assert_contains "$out" 'www.test.example: found'
guest "reaches $WORLD4 80; finds www.test.example" --net public --net-rule "deny@dns,allow@any"
open "$WORLD4 80"
assert_contains "$out" 'www.test.example: none'

# A prefix opens neither this machine's own addresses, nor its loopback, nor metadata services.
everything='reaches 10.77.0.1 7000; reaches host.microsandbox.internal 7000; reaches 169.254.169.254 80; reaches 10.77.0.2 80'
guest "$everything" --net-rule 'allow@0.0.0.0/0,allow@dns'
closed '10.77.0.1 7000'
closed 'host.microsandbox.internal 7000'
closed '169.254.169.254 80'
open '10.77.0.2 80'
guest "$everything" --net-rule 'allow@10.77.0.1,allow@169.254.169.254'
assert_contains "$out" '10.77.0.1 7000: host'
open '169.254.169.254 80'
closed '10.77.0.2 80'
guest "$everything" --net-rule 'allow@host:tcp:7000,allow@dns'
assert_contains "$out" 'host.microsandbox.internal 7000: host'
closed '10.77.0.2 80'

# Names: they are found, and their addresses are reached when they were; no other name, no other address.
guest "reaches $WORLD4 80; finds www.test.example; finds other.test.example; reaches www.test.example 80
    reaches $WORLD4 80; reaches $WORLD4 81; reaches 93.184.215.20 80" --net-rule 'allow@www.test.example:tcp:80'
assert_match "$(head -1 <<<"$out")" "^$WORLD4 80: .*refused" "an address before it has a name"
assert_contains "$out" 'www.test.example: found'
assert_contains "$out" 'other.test.example: none'
open 'www.test.example 80'
open "$WORLD4 80"
closed "$WORLD4 81"
closed '93.184.215.20 80'
guest 'finds test.example; finds a.test.example; finds b.a.test.example; finds nottest.example; finds example' \
    --net-rule 'allow@*.test.example'
assert_eq "$(grep -c found <<<"$out")" 3 "names below a suffix"
guest 'finds a.test.example; finds www.test.example' --net public --net-rule 'deny@www.test.example'
assert_contains "$out" 'a.test.example: found'
assert_contains "$out" 'www.test.example: none'
# A name that leads to a private address opens nothing there.
guest 'nslookup inner.test.example >/dev/null 2>&1; reaches 10.0.0.1 80' --net-rule 'allow@*.test.example' --no-dns-rebind-protection
closed '10.0.0.1 80'

# Lookups have a protocol. Deny by default: nothing is found, at once, and nothing leaves.
begin=$EPOCHREALTIME
guest "finds www.test.example; finds host.microsandbox.internal; reaches $WORLD4 80; reaches $WORLD6 53" --net-default deny
assert_contains "$out" 'www.test.example: none'
closed "$WORLD4 80"
closed "$WORLD6 53"
[ $((${EPOCHREALTIME/./} - ${begin/./})) -lt 15000000 ] || fail_test "denials take their time"
guest "finds www.test.example; reaches $WORLD4 80" --net-rule 'allow@host:udp:53'
assert_contains "$out" 'www.test.example: found'
closed "$WORLD4 80"
guest "finds www.test.example" --net-rule 'allow@any:tcp'
assert_contains "$out" 'www.test.example: none'
guest "reaches $WORLD4 80; reaches 169.254.169.254 80; finds www.test.example" --net-default-egress allow --net-rule deny@meta
open "$WORLD4 80"
closed '169.254.169.254 80'

# Published ports: judged by the peer's address and the guest's port, before the guest hears of it.
host_ok create -q -n gate -p 0.0.0.0:8080:80 -p 0.0.0.0:8081:81 -p 0.0.0.0:9090:90/udp \
    --net-rule "allow:ingress@loopback:tcp:80,allow:ingress@loopback:udp:90,deny:ingress@any"
host_ok exec -d gate -- sh -c 'while true; do echo guest | nc -l -p 80; done'
host_ok exec -d gate -- sh -c 'while true; do echo guest | nc -l -p 81; done'
in_host "$MSB" exec gate -- sh -c 'cat >/bin/udp; chmod 755 /bin/udp' <"$MSB_BUILD/tools/udp"
host_ok exec -d gate -- udp serve 90
cat >"$T/peer" <<'END'
import socket, sys
for port in (8080, 8081):
    try:
        with socket.create_connection((sys.argv[1], port), 10) as connection:
            print(port, connection.recv(100).decode().strip())
    except ConnectionResetError:
        print(port, "reset")
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.settimeout(2)
datagrams.sendto(b"hi", (sys.argv[1], 9090))
try:
    print("udp", datagrams.recv(100).decode())
except TimeoutError:
    print("udp none")
END
answers_here() { [ "$(in_host python3 "$T/peer" 127.0.0.1 2>&1)" = "8080 guest
8081 reset
udp hi" ]; }
eventually 20 answers_here
assert_eq "$(in_world python3 "$T/peer" "$HOST4")" "8080 reset
8081 reset
udp none" "a peer that is not let in"

# What is asked is what is shown.
host_ok inspect gate
assert_match "$out" '3: +deny:ingress@any'
assert_match "$out" 'Egress: +deny'
host_ok inspect gate --format json
assert_eq "$(python3 -c 'import json, sys
print(json.load(sys.stdin)["config"]["network"]["rules"][2])' <<<"$out")" 'deny:ingress@any'
host_ok rm -q -f gate

# `net check` asks the same policy and sends nothing: no name is looked up for it.
host_ok create -q -n asked --net private --net-rule 'deny@10.77.0.2:tcp:22,allow@*.test.example:tcp:443'
check() { # check VERDICT DESTINATION PART...
    host_run 20 net check asked "$2"
    assert_contains "$1 $code" "$([ "$1" = allow ] && echo 'allow 0' || echo 'deny 1')" "exit code for $2"
    local part
    for part in "${@:3}"; do assert_contains "$out" "$part"; done
}
check allow 10.77.0.2:80 'allow  tcp to 10.77.0.2:80' 'rule 4 (allow@private) allows 10.77.0.2 (private)'
check deny 10.77.0.2:22/tcp 'rule 1 (deny@10.77.0.2:tcp:22) denies 10.77.0.2 (private)'
check allow 10.77.0.2:22/udp
check deny 10.77.0.1:80 '10.77.0.1 (host)' 'the default for egress is deny'
check deny "[$WORLD6]:80" 'no rule matches'
check deny "$WORLD6"
check deny 169.254.169.254:80 '(metadata)'
check deny 127.0.0.1:80 "the guest's own"
check allow www.test.example 'allow  lookup of www.test.example' 'allow  tcp to www.test.example:443'
check deny www.test.example:80 'allow  lookup of www.test.example' 'deny   tcp to www.test.example:80'
check deny host.microsandbox.internal:7000 'tcp to 172.'
host_run 20 net check asked 10.77.0.2:22 --format json
assert_eq "$(python3 -c 'import json, sys
answer = json.load(sys.stdin)
print(answer["verdict"], answer["steps"][0]["rule"])' <<<"$out")" 'deny deny@10.77.0.2:tcp:22'
for bad in '' a.org:0 a.org:80/icmp http://a.org '[a.org]:80' a,b; do
    run_fail 1 'invalid destination' msb net check asked "$bad"
done
run_fail 1 'not found' msb net check nobody 1.1.1.1
host_ok rm -q -f asked

# What a rule did is in the log.
host_ok create -q -n told --net host --net-rule 'deny@10.0.0.0/8' --log-level info
host_ok exec told -- sh -c 'nc -w 5 10.77.0.2 80 </dev/null; true'
host_ok logs told --source system
assert_contains "$out" 'denied: tcp to 10.77.0.2:80 (private): rule 1 (deny@10.0.0.0/8) denies 10.77.0.2 (private)'
host_ok rm -q -f told

# Nothing starts with less than was asked for.
run_fail 1 "did you mean 'allow'" msb run --net-rule 'alow@any' -- true
run_fail 1 'IPv6 addresses are in brackets' msb run --net-rule 'deny@any,allow@2001:db8::1' -- true
run_fail 1 'have addresses and no names' msb run --net-rule 'deny:ingress@example.org' -- true
run_fail 1 'contradict' msb run --net all --net-default deny -- true
run_fail any 'excludes' msb run --net-default allow --net-default-egress deny -- true
run_fail any 'excludes' msb run --no-net --net-default allow -- true
run_fail any 'allow' msb run --net-default maybe -- true
host_ok run --net-rule 'deny@any,allow@10.0.0.1' -- true
assert_contains "$err" "network rule 'allow@10.0.0.1' has no effect: 'deny@any' is before it"
# Without a network but for what is allowed.
guest "reaches $WORLD4 80; reaches 10.77.0.2 80" --no-net --net-rule "allow@$WORLD4"
open "$WORLD4 80"
closed '10.77.0.2 80'
no_leftovers
