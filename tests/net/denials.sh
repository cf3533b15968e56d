#!/usr/bin/env bash
# ctest: timeout=120
# What is refused says so at once: connections are reset, datagrams prohibited, names do not exist; and a request of
# plain HTTP is answered with the reason and the command that would allow it.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world
capture_cable

host_ok create -q -n box --net-rule "deny@$WORLD4,allow@www.test.example:tcp:443" --net-default deny
request() { # request HEADERS ADDRESS
    host_ok exec box -- sh -c "printf 'GET /x HTTP/1.1\r\nHost: a.example\r\n$1\r\n' | nc -w 5 $2 80"
}
request '' "$WORLD4"
assert_match "$out" '^HTTP/1.1 403 Forbidden'
assert_contains "$out" "rule 1 (deny@$WORLD4) denies $WORLD4 (public)"
assert_contains "$out" "msb modify box --net-rule 'allow@$WORLD4:tcp:80'"
request 'Accept: application/json\r\n' 10.0.0.1
assert_contains "$out" 'Content-Type: application/json'
assert_eq "$(python3 -c 'import json, sys
answer = json.loads(sys.stdin.read().split("\n\n", 1)[1])
print(answer["code"], answer["domain"], answer["message"])' <<<"$(tr -d '\r' <<<"$out")")" \
    'network_policy_denied None no rule matches 10.0.0.1 (private), and the default for egress is deny'
# What is no request is reset, and so is every other port.
host_ok exec box -- sh -c "echo hi | nc -w 5 $WORLD4 80; true"
assert_eq "$out$err" ''
host_ok exec box -- sh -c "nc -w 5 $WORLD4 81 </dev/null; true"
assert_contains "$err" 'refused'
assert_eq "$(cat "$T/seen")" "" "packets that left"
host_ok rm -q -f box

# It can be turned off, also by a policy.
host_ok run --net none -p 8080:80 --no-net-explanations -- sh -c "nc -w 5 $WORLD4 80 </dev/null; true"
assert_contains "$err" 'refused'
mkdir -p "$MSB_HOME/policies"
printf 'profiles: [private]\nexplain_denials: false\n' >"$MSB_HOME/policies/silent.yaml"
host_ok run --policy silent -- sh -c "nc -w 5 $WORLD4 80 </dev/null; true"
assert_contains "$err" 'refused'
no_leftovers
