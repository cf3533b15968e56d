#!/usr/bin/env bash
# ctest: timeout=120
# The gateway's port 53 opens all names; connecting still needs a rule for the address.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

lookups box --net-rule 'allow@host:udp:53,allow@host:tcp:53'
for transport in udp tcp; do
    asks box $transport 0 www.test.example
    asks box $transport 0 other.test.example 28
done
host_ok exec box -- sh -c "echo hi | nc -w 5 www.test.example 80 2>&1; echo hi | nc -w 5 $WORLD4 80 2>&1; true"
assert_not_contains "$out" 'world got'
host_ok rm -q -f box
host_ok run --net-rule "allow@dns,allow@$WORLD4,allow@[$WORLD6]" -- sh -c 'echo hi | nc -w 5 www.test.example 80'
assert_eq "$out" 'world got hi'
no_leftovers
