#!/usr/bin/env bash
# ctest: timeout=120
# Profiles, also under their earlier names, begin with the rule that opens lookups; an explicit deny before them turns
# lookups off.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

for profile in public private public_only non_local; do
    lookups box --net $profile
    asks box udp 0 www.test.example
    asks box tcp 0 www.test.example 28
    host_ok inspect box --format json
    assert_contains "$out" '"profiles"'
    host_ok rm -q -f box
done
host_ok run --net public_only -- sh -c "echo hi | nc -w 5 $WORLD4 80"
assert_eq "$out" 'world got hi'
for denied in deny@dns deny@any:any:53 'deny@host'; do
    lookups box --net public_only --net-rule "$denied"
    asks box udp 3 www.test.example
    asks box tcp 3 www.test.example
    host_ok exec box -- sh -c "echo hi | nc -w 5 $WORLD4 80"
    assert_eq "$out" 'world got hi' "an address while lookups are off"
    host_ok rm -q -f box
done
no_leftovers
