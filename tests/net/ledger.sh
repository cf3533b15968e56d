#!/usr/bin/env bash
# ctest: timeout=180
# What a network did is recorded: flows with their names, rules and bytes, lookups, refusals; and a policy can be made
# of it that allows just that.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world
helper nsenter --net --target "$HOST_PID" -- python3 -c '
import socket
listener = socket.create_server(("127.0.0.1", 7000))
while True:
    connection, _ = listener.accept()
    connection.sendall(b"host")
    connection.close()'

host_ok create -q -n box --net-rule 'allow@www.test.example:tcp:80,allow@host:tcp:7000' -p 8080:8080
host_ok exec box -- sh -c "nslookup www.test.example >/dev/null; echo hello | nc -w 5 www.test.example 80
    nc -w 5 $WORLD4 81 </dev/null; nslookup other.test.example; true"
host_ok exec -d box -- sh -c 'echo guest | nc -l -p 8080'
from_guest() { [ "$(in_host nc -w 2 127.0.0.1 8080 </dev/null)" = guest ]; }
command -v nc >/dev/null || from_guest() { [ "$(in_host busybox nc -w 2 127.0.0.1 8080 </dev/null)" = guest ]; }
eventually 20 from_guest

fields() { # fields FIELD...: of each entry, a line an entry
    python3 -c 'import json, sys
for line in sys.stdin:
    entry = json.loads(line)
    print(*[entry[key] for key in sys.argv[1:]])' "$@" <<<"$out"
}
recorded() { host_ok net log box --format json; grep -q '"direction":"in"' <<<"$out"; }
eventually 10 recorded
seen=$(fields type protocol name port outcome rule sent received | sort -u)
assert_contains "$seen" 'lookup udp www.test.example 53 allowed allow@domain=www.test.example:tcp:80'
assert_contains "$seen" 'flow tcp www.test.example 80 closed allow@domain=www.test.example:tcp:80 6 16'
assert_contains "$seen" 'flow tcp www.test.example 81 denied None 0 0'
assert_contains "$seen" 'lookup udp other.test.example 53 denied None 0 0'
assert_contains "$seen" 'flow tcp None 8080 closed None 6 0'
host_ok net log box --denied
assert_match "$out" 'denied +tcp www.test.example \(93.184.215.14\):81  no rule matches'
assert_not_contains "$out" 'closed'
# Followed until the sandbox ends.
in_host "$MSB" net log box --follow --format json >"$T/followed" &
follower=$!
host_ok exec box -- sh -c 'echo again | nc -w 5 www.test.example 80'
eventually 10 grep -q '"sent":6' "$T/followed"
# What the rules decided about, while it runs.
counted() { in_host "$MSB" inspect box --format json | grep -A6 '"network_counters"' | grep -q '"allowed": [1-9]'; }
eventually 5 counted
host_ok inspect box
assert_match "$out" '[1-9][0-9]* allowed, [0-9]+ denied, [1-9][0-9]* bytes sent'
assert_match "$out" 'Default: +[0-9]+ allowed, [1-9][0-9]* denied'
host_ok stop box
wait $follower
assert_eq "$(wc -l <"$T/followed")" "$(in_host "$MSB" net log box --format json | wc -l)" "entries that were followed"
host_ok rm -q -f box

# What was done, and nothing else.
host_ok create -q -n watched --net-observe
host_ok exec watched -- sh -c "echo hi | nc -w 5 www.test.example 80; nc -w 5 $HOST6 7000 </dev/null; nc -w 5 93.184.215.99 81 </dev/null; nslookup other.test.example
    nc -w 5 host.microsandbox.internal 7000 </dev/null; nc -w 5 169.254.169.254 80 </dev/null; true"
mkdir -p "$MSB_HOME/policies"
host_ok net learn watched
echo "$out" >"$MSB_HOME/policies/learned.yaml"
assert_contains "$out" '- allow@domain=www.test.example:tcp:80'
assert_contains "$out" "- allow@93.184.215.99:tcp:81"
assert_not_contains "$out" 169.254
assert_contains "$out" '- allow@host:tcp:7000'
assert_contains "$out" '# only looked up: allow@domain=other.test.example'
host_ok rm -q -f watched
host_ok run --policy learned -- sh -c "echo hi | nc -w 5 www.test.example 80; nslookup other.test.example || echo none"
assert_contains "$out" 'world got hi'
assert_contains "$out" none
no_leftovers
