#!/usr/bin/env bash
# ctest: timeout=400
# A private network: its members reach each other by name over TCP, UDP and with echoes, by IPv4 and IPv6, as their rules
# allow; nobody takes another one's place; a switch or a member that is killed is mended by the next command.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4
serve_world

# ---- the records ----
host_ok network create back
assert_eq "$out" back
host_ok network create small --subnet 10.77.0.0/29
for bad in 'Back' '-x' 'a.b' host; do
    host_run 20 network create -- "$bad"
    [ "$code" -ne 0 ] || fail_test "a network can be called '$bad'"
done
for bad in 10.77.0.0/16 10.77.0.1/24 fd00::/64 127.0.0.0/24 169.254.0.0/24 nonsense; do
    host_run 20 network create other --subnet "$bad"
    assert_contains "$err" 'invalid subnet' "$bad"
done
host_run 20 network create back
assert_contains "$err" 'network already exists: back'
host_run 20 create -q -n lost --network bakc
assert_contains "$err" "did you mean 'back'?"
host_ok network ls -q
assert_eq "$out" "back
small"

# ---- members ----
tool() { in_host "$MSB" exec "$1" -- sh -c 'cat >/bin/udp; chmod 755 /bin/udp' <"$MSB_BUILD/tools/udp"; }
serve() { # serve SANDBOX WORD: by TCP at 80, and echoes by UDP at 90
    tool "$1"
    host_ok exec "$1" -- sh -c 'mkdir -p /www; echo "$1" >/www/p; httpd -p 80 -h /www
        setsid udp serve 90 </dev/null >/dev/null 2>&1 &' - "$2"
}
host_ok create -q -n db --network back --no-net
serve db database
host_ok create -q -n web --network back --net public
tool web
address=$(in_host "$MSB" network inspect back --format json | jq -r '.members[] | select(.sandbox == "db") | .address')
address6=$(in_host "$MSB" network inspect back --format json | jq -r '.members[] | select(.sandbox == "db") | .address_v6')

# page ADDRESS [PORT [SANDBOX]]: what is served there, to `web` unless another one asks.
page() {
    host_run 60 exec "${3:-web}" -- sh -c 'printf "GET /p HTTP/1.0\r\n\r\n" | nc -w 10 "$1" "$2"' - "$1" "${2:-80}"
    out=$(tail -n 1 <<<"$out")
}
for name in db DB db.back.microsandbox.internal "$address" "$address6"; do
    page "$name"
    assert_eq "$out" database "by TCP to $name ($err)"
done
for to in "$address" "$address6"; do
    host_ok exec web -- sh -c "ping -c 1 -W 5 $to >/dev/null && udp send $to 90 900"
    assert_contains "$out" 900 "by UDP to $to"
done
host_ok exec web -- nslookup db
assert_contains "$out" "$address"
assert_contains "$out" "$address6"
host_run 60 exec web -- nslookup nobody.back.microsandbox.internal
assert_contains "$out$err" NXDOMAIN
# A port where nothing listens is refused as it would be, and a member that is not there is not waited for.
begin=$EPOCHREALTIME
host_ok exec web -- sh -c "nc -w 20 db 7 </dev/null; nc -w 20 ${address%.*}.250 80 </dev/null; true"
assert_prompt "$begin" "refusals"
# The Internet is where it was, for whom it was.
host_ok exec web -- sh -c "echo hello | nc -w 5 $WORLD4 80"
assert_eq "$out" "world got hello"
host_run 60 exec db -- sh -c "nc -w 5 $WORLD4 80 </dev/null"
assert_not_contains "$out" world
# Nobody else is in: not this machine, not a sandbox without the network, not one of another network.
host_ok create -q -n stranger --net public,private --network small
host_run 60 exec stranger -- sh -c "nc -w 5 $address 80 </dev/null; nslookup db.back.microsandbox.internal"
assert_not_contains "$out" database
assert_not_contains "$out" "$address6"

# Both write it down.
ledger() { in_host "$MSB" net log "$1" --format json | jq -r '[.direction, .protocol, .name // .address, .port, .rule, .outcome] | join(" ")' | sort -u; }
recorded() { ledger db | grep -q '^in tcp' && ledger web | grep -q '^out tcp db'; }
eventually 10 recorded
assert_match "$(ledger web)" 'out tcp db.back.microsandbox.internal 80 allow:any@network closed'
assert_match "$(ledger db)" 'in tcp .* 80 allow:any@network closed'

# ---- rules ----
host_ok net check web "$address:80"
assert_match "$out" 'allow.*
.*network'
host_ok create -q -n careful --network back --no-net --net-rule 'deny@network:tcp:80,deny:ingress@network'
serve careful careful
page db 80 careful
assert_not_contains "$out" database "a rule that denies a way to members"
page careful
assert_not_contains "$out" careful "a rule that denies a way in"
host_run 20 net check careful "$address:80"
assert_eq "$code" 1 "exit code of the check"
assert_contains "$out" 'deny@network:tcp:80'
host_ok exec careful -- sh -c "udp send $address 90 100"
assert_contains "$out" 100
# Not by an address that is another spelling of a member's.
host_run 60 exec careful -- sh -c "nc -w 5 ::ffff:$address 80 </dev/null; nc -w 5 64:ff9b::$address 80 </dev/null"
assert_not_contains "$out" database

# ---- names and addresses are nobody else's ----
host_run 60 create -q -n DB --network back
[ "$code" -ne 0 ] || fail_test "a second sandbox is called db"
assert_contains "$err" "under the same name"
in_host "$MSB" rm -q -f DB >/dev/null 2>&1 || :
page db
assert_eq "$out" database "the first one, after somebody wanted its name"

# ---- later, again, and after kills ----
host_ok create -q -n late --network back --no-net
serve late late
page late
assert_eq "$out" late "a member that came later"
host_ok restart db
host_ok exec db -- httpd -p 80 -h /www
page db
assert_eq "$out" database "a member that was started again"
assert_match "$(ledger web)" 'out udp db.back.microsandbox.internal 90 allow:any@network'
switch() { test_processes | awk '$2 == "netswitch" { print $1 }'; }
for pid in $(switch); do kill -9 "$pid"; done
page db
assert_not_contains "$out" database "a way through a switch that is killed"
host_ok network inspect back
assert_not_contains "$out" 'not joined'
page db
assert_eq "$out" database "a switch that was killed, and a look at the network"
for pid in $(switch); do kill -9 "$pid"; done
host_ok restart late
page db
assert_eq "$out" database "a switch that was killed, and the start of another member"
host_ok kill db
page db
assert_not_contains "$out" database "a member that was killed"
host_ok start db
host_ok exec db -- httpd -p 80 -h /www
page db
assert_eq "$out" database "a member that was killed and started"

# ---- the end ----
host_run 20 network rm back
[ "$code" -ne 0 ] || fail_test "a network with members was removed"
assert_contains "$err" "is in the network 'back'"
host_ok network prune
assert_not_contains "$out" back
host_ok rm -q -f db web careful late stranger
host_ok network prune --format json
assert_eq "$(jq -c . <<<"$out")" '["back","small"]'
host_ok network ls
assert_contains "$err" 'No networks.'
no_leftovers
