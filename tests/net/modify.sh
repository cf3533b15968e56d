#!/usr/bin/env bash
# ctest: timeout=180
# What a sandbox may reach is changed while it runs: at once, as a whole, and for its next start; connections that may
# not be any more end; a policy with an error changes nothing.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

reaches() { # reaches PORT yes|no
    host_ok exec box -- sh -c "echo hi | nc -w 5 $WORLD4 $1 2>&1 | head -c 12"
    if [ "$2" = yes ]; then assert_contains "$out" hi; else assert_not_contains "$out" hi; fi
}
host_ok create -q -n box --net-rule "allow@$WORLD4:tcp:81" -p 8080:8080
reaches 81 yes
reaches 80 no
host_ok modify box --net-rule "allow@$WORLD4:tcp:80" # before its own
reaches 80 yes
reaches 81 yes
host_ok inspect box --format json
assert_contains "$out" "allow@$WORLD4:tcp:80"

# A connection that may not be any more is reset; others go on.
host_ok exec -d box -- sh -c "(sleep 1000) | nc $WORLD4 81; echo over >/root/81"
host_ok exec -d box -- sh -c "(sleep 1000) | nc $WORLD4 80; echo over >/root/80"
connected() { [ "$(in_world sh -c 'ss -Htn state established "( sport = :80 or sport = :81 )" | wc -l')" = 2 ]; }
eventually 20 connected
host_ok modify box --net-rule "deny@$WORLD4:tcp:81"
over() { [ "$(in_host "$MSB" exec box -- cat /root/81 2>/dev/null)" = over ]; }
gone() { [ "$(in_world sh -c 'ss -Htn state established "( sport = :80 or sport = :81 )" | wc -l')" = 1 ]; }
eventually 20 gone
reaches 81 no
host_run 20 exec box -- cat /root/80
[ "$code" -ne 0 ] || fail_test "a connection that is still allowed has ended"
host_ok net log box --format json
assert_contains "$out" '"outcome":"policy"'
assert_contains "$out" '"type":"policy"'

# In place of all: a policy, a profile, nothing.
mkdir -p "$MSB_HOME/policies"
printf 'rules: ["allow@%s:tcp:81"]\n' "$WORLD4" >"$MSB_HOME/policies/one.yaml"
host_ok modify box --policy one
reaches 81 yes
reaches 80 no
host_ok modify box --net public --max-connections 5
reaches 80 yes
host_ok inspect box --format json
assert_contains "$out" '"max_connections": 5'
assert_contains "$out" '"host_port": 8080' "ports stay"
host_ok modify box --no-net
reaches 80 no
host_ok modify box --net public
reaches 80 yes

# Errors change nothing.
printf 'rules: [alow@any]\n' >"$MSB_HOME/policies/bad.yaml"
host_run 20 modify box
assert_eq "$code" 1
assert_contains "$err" "nothing was said that is to change"
host_run 20 modify box --policy bad
assert_contains "$code $err" "did you mean 'allow'"
host_run 20 modify box --net-rule 'deny@'
[ "$code" -ne 0 ] || fail_test "a rule that is none was taken"
reaches 80 yes

# It holds at the next start, and can be said of one that does not run.
host_ok modify box --net none --net-rule "allow@$WORLD4:tcp:81"
host_ok stop box
host_ok start box
reaches 81 yes
reaches 80 no
host_ok stop box
host_ok modify box --net public
host_ok start box
reaches 80 yes
host_ok rm -q -f box
run_fail 1 'not found' msb modify nobody --net none

# One that runs without a network gets one with its next start.
host_ok create -q -n box --no-net
host_ok modify box --net public
assert_contains "$err" 'from its next start on'
reaches 80 no
host_ok stop box
host_ok start box
reaches 80 yes
host_ok rm -q -f box
no_leftovers
