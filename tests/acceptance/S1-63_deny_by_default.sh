#!/usr/bin/env bash
# ctest: timeout=120
# A policy that denies and has no rules: every lookup is refused, at once, and not a packet leaves the host.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

capture_cable

lookups closed --net-default deny
begin=$EPOCHREALTIME
for transport in udp tcp; do
    asks closed $transport 3 www.test.example
    asks closed $transport 3 www.test.example 28
    asks closed $transport 3 www.test.example 16
    asks closed $transport 3 host.microsandbox.internal
    asks closed $transport 3 example
done
in_host "$MSB" exec closed -- sh -c 'cat >/bin/udp; chmod 755 /bin/udp' <"$MSB_BUILD/tools/udp"
host_ok exec closed -- sh -c "nslookup www.test.example; ask udp $WORLD4 www.test.example; ask tcp $WORLD4 www.test.example
    udp send $WORLD4 90 1; udp send $WORLD6 90 1; ping -c 1 -W 1 $WORLD4; ping -c 1 -W 1 $WORLD6
    for a in $WORLD4 $WORLD6 169.254.169.254 10.0.0.1; do nc -w 5 \$a 80 </dev/null; done; true"
assert_contains "$out$err" NXDOMAIN
[ $((${EPOCHREALTIME/./} - ${begin/./})) -lt 30000000 ] || fail_test "denials take their time"
assert_eq "$(cat "$T/seen")" "" "packets that left"
# The same eyes see what is allowed.
host_ok run --net public -- sh -c "nc -w 5 $WORLD4 80 </dev/null"
eventually 5 test -s "$T/seen"
host_ok rm -q -f closed
no_leftovers
