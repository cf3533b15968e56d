#!/usr/bin/env bash
# ctest: timeout=300
# What may be reached without a word about it, by named policies and by files; one with an error starts nothing.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world
in_world ip addr add 10.77.0.2/24 dev cable
in_host ip addr add 10.77.0.1/24 dev cable

reach() { # reach OPTIONS...: what a guest finds and reaches
    host_ok run "$@" -- sh -c "nslookup www.test.example >/dev/null 2>&1 && echo name
        echo hi | nc -w 5 $WORLD4 80; echo hi | nc -w 5 10.77.0.2 80; ls /sys/class/net | grep eth; true"
}

# The default: the Internet, and nothing else.
reach
assert_eq "$out" "name
world got hi
eth0" "without options"
reach -p 8080:80
assert_contains "$out" 'world got hi' "with a published port"
for off in --no-net '--net none' '--policy offline' '--policy none'; do
    # shellcheck disable=SC2086
    reach $off
    assert_eq "$out" "" "$off"
done
host_ok create -q -n box
host_ok inspect box
assert_match "$out" 'Network: +public'
host_ok rm -q -f box
echo '{"network": {"default_profiles": ["none"]}}' >"$MSB_HOME/config.json"
reach
assert_eq "$out" "" "a default that is configured"
reach --net private
assert_contains "$out" 'world got hi' "what was asked for, in place of the default"
echo '{"network": {"default_profiles": []}}' >"$MSB_HOME/config.json"
host_run 20 run -- true
[ "$code" -ne 0 ] || fail_test "a default that is no list of profiles was passed over"
rm "$MSB_HOME/config.json"

# Policies by name: YAML and JSON, one on another, with rules before it.
mkdir -p "$MSB_HOME/policies"
cat >"$MSB_HOME/policies/lab.yaml" <<'END'
# One machine of the laboratory, by number.
rules:
  - {action: allow, destination: 10.77.0.0/24, protocol: tcp, ports: [80]}
END
echo '{"policy": "lab", "rules": ["allow@www.test.example:tcp:80"]}' >"$MSB_HOME/policies/more.json"
reach --policy lab
assert_eq "$out" "world got hi
eth0" "lab"
reach --policy more
assert_eq "$out" "name
world got hi
world got hi
eth0" "more"
reach --policy more --net-rule deny@10.0.0.0/8
assert_eq "$out" "name
world got hi
eth0" "a rule before a policy"
host_ok create -q -n box --policy more
host_ok inspect box --format json
python3 -c 'import json, sys
network = json.load(sys.stdin)["config"]["network"]
assert network["policy"] == "more", network
assert network["rules"] == ["allow@domain=www.test.example:tcp:80", "allow@10.77.0.0/24:tcp:80"], network' <<<"$out"
host_ok rm -q -f box
host_ok net policies
for name in lab more offline public git-hosts package-registries; do assert_match "$out" "^$name "; done
host_ok net policies git-hosts
assert_contains "$out" 'allow@*.github.com:tcp:443'

# A file.
printf 'allow: ["10.77.0.2:tcp:80"]\nports: ["8080:80"]\n' >"$T/net.yaml"
reach --net-conf "$T/net.yaml"
assert_eq "$out" "world got hi
eth0" "a file"

# Errors start nothing, and say where.
refuses() { # refuses PATTERN TEXT: as the policy "bad"
    printf '%s\n' "$2" >"$MSB_HOME/policies/bad.yaml"
    run_fail 1 "$1" msb run --policy bad -- true
    assert_contains "$err" 'bad.yaml'
    run_fail 1 "$1" msb net policies bad
}
refuses "line 2: 'rules' is there twice" 'rules: []
rules: []'
refuses "'rule' is unknown" 'rule: []'
refuses "did you mean 'allow'" 'rules: [alow@any]'
refuses 'IPv6 addresses are in brackets' 'rules: ["deny@any", "allow@2001:db8::1"]'
refuses 'anchors, aliases and tags' 'rules: &x []'
refuses 'not a mapping' '- allow@any'
refuses 'line 2' 'rules: ['
printf 'policy: circle\n' >"$MSB_HOME/policies/circle.yaml"
run_fail 1 'stands on itself' msb run --policy circle -- true
run_fail 1 "did you mean 'git-hosts'" msb run --policy git-host -- true
run_fail 1 'invalid policy name' msb run --policy ../x -- true
run_fail any 'excludes' msb run --policy lab --no-net -- true
run_fail 1 'net.yaml' msb run --net-conf "$T/none/net.yaml" -- true
[ -z "$(msb ls -q 2>/dev/null || true)" ] || fail_test "something was made"
host_ok run --policy lab --net-rule 'deny@any' -- true
assert_contains "$err" "has no effect: 'deny@any' is before it"
no_leftovers
