#!/usr/bin/env bash
# ctest: timeout=300
# A name that this machine resolves is resolved in a guest: by slow resolvers, by link-local ones, in this
# machine's own domains.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4
in_world ip addr add fe80::53/64 dev cable nodad
serve_world

# Slow: later than a stub resolver asks again, and what was asked first counts.
host_ok create -q -n box --net public
for slow in 2000 4000; do
    host_ok exec box -- nslookup -type=a slow$slow.test.example
    assert_contains "$out" "$WORLD4" "a name whose answer comes after $slow ms"
done
host_ok rm -q -f box

# Link-local, by the name of this machine's interface.
echo 'nameserver fe80::53%cable' >"$T/resolv.conf"
eventually 10 in_host getent ahostsv4 www.test.example
host_ok run --net public -- nslookup -type=a www.test.example
assert_contains "$out" "$WORLD4" "a name by a link-local resolver"

# Domains and options, for guests that may look names up.
printf '%s\n' "nameserver $WORLD4" 'search lab.example test.example' 'options ndots:2 timeout:3' >"$T/resolv.conf"
host_ok run --net public -- sh -c 'tail -n +2 /etc/resolv.conf; ping -c 1 -W 1 www | head -1'
assert_contains "$out" 'search lab.example test.example
options ndots:2 timeout:3'
assert_contains "$out" "$WORLD4" "a name in this machine's domain"
for isolated in "--net none -p 7090:90" "--net none"; do
    # shellcheck disable=SC2086
    host_ok run $isolated -- sh -c 'cat /etc/resolv.conf 2>/dev/null; true'
    assert_not_contains "$out" 'test.example' "$isolated"
done
# The command of the agent's own: a connection by a short name.
host_ok create -q -n box --net public
echo '{"network": {"search_domains": false}}' >"$MSB_HOME/config.json"
host_ok run --net public -- cat /etc/resolv.conf
assert_not_contains "$out" 'test.example' "domains that are switched off"
assert_not_contains "$out" 'options' "options that are switched off"
echo '{"network": {"search_domain": false}}' >"$MSB_HOME/config.json"
host_run 60 run --net public -- true
[ "$code" -ne 0 ] || fail_test "a configuration that is not understood was passed over"
assert_contains "$err" 'network.search_domain is unknown'
rm "$MSB_HOME/config.json"
host_ok rm -q -f box

# The resolvers change while a sandbox runs.
finds() { in_host "$MSB" exec box -- nslookup -type=a www.test.example | grep -q "$WORLD4"; }
echo 'nameserver 93.184.215.99' >"$T/resolv.conf" # nobody
host_ok create -q -n box --net public
if in_host timeout 20 "$MSB" exec box -- timeout 3 nslookup -type=a www.test.example >/dev/null; then
    fail_test "a resolver that is not there has answered"
fi
echo "nameserver $WORLD4" >"$T/resolv.conf" # in the same file
eventually 10 finds
echo 'nameserver fe80::53%cable' >"$T/resolv.conf" # by an interface's name
: >"$T/world.ready.names"
asks_link_local() { finds && [ -s "$T/world.ready.names" ]; }
eventually 10 asks_link_local
host_ok rm -q -f box
# A service's directory below /run, where a new file takes the old one's place.
in_host umount "$(readlink -f /etc/resolv.conf)"
cp -a /etc "$T/etc"
rm "$T/etc/resolv.conf"
ln -s /run/resolver/resolv.conf "$T/etc/resolv.conf"
in_host mount --bind "$T/etc" /etc
in_host mount -t tmpfs none /run
in_host mkdir /run/resolver
in_host sh -c 'echo nameserver 93.184.215.99 >/run/resolver/resolv.conf'
host_ok create -q -n box --net public
in_host sh -c "echo nameserver $WORLD4 >/run/resolver/new; mv /run/resolver/new /run/resolver/resolv.conf"
eventually 10 finds
host_ok rm -q -f box
no_leftovers
