#!/usr/bin/env bash
# ctest: timeout=120
# A rule with a name opens an address only after the sandbox's name server gave it for that name, and TLS has to ask for
# the name, too. A name that is denied is denied by what TLS asks for, also at a known address.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

for name in www.test.example WWW.Test.Example. a.bad.test.example other.test.example; do
    python3 "$TESTS_DIR/hello.py" $name >"$T/$name"
done
python3 "$TESTS_DIR/hello.py" '' >"$T/nobody"
python3 "$TESTS_DIR/hello.py" www.test.example 10 >"$T/cut" # into many records
python3 "$TESTS_DIR/hello.py" other.test.example 1 >"$T/other.cut"
cat "$T/www.test.example" "$T/other.test.example" >"$T/two"
cat "$T/www.test.example" "$T/www.test.example" >"$T/same"
guest() { # guest OPTIONS...: with all of these
    host_ok create -q -n box "$@"
    tar -C "$T" -cf - www.test.example WWW.Test.Example. a.bad.test.example other.test.example nobody cut other.cut two same |
        in_host "$MSB" exec box -- tar -C /root -xf -
}
# The world's port 81 says what it got, and "end".
passes() {
    host_ok exec box -- sh -c "nc -w 5 ${2:-$WORLD4} 81 </root/$1 | wc -c"
    assert_eq "$out" $(($(stat -c %s "$T/$1") + 3)) "bytes of $1 that came back"
}
refused() {
    host_ok exec box -- sh -c "nc -w 5 ${2:-$WORLD4} 81 </root/$1 | wc -c"
    assert_eq "$out" 0 "bytes of $1 that came back"
}

guest --net-rule 'allow@www.test.example'
refused www.test.example # forged: the address has no name yet
host_ok exec box -- nslookup www.test.example
passes www.test.example
passes www.test.example "$WORLD6"
passes WWW.Test.Example.
passes cut
refused other.test.example # shares the address
refused other.cut
refused nobody
host_ok exec box -- sh -c "echo hi | nc -w 5 $WORLD4 80" # no TLS
assert_eq "$out" 'world got hi'
# Byte by byte.
host_ok exec box -- sh -c "for name in www other; do
    size=\$(wc -c </root/\$name.test.example)
    (i=0; while [ \$i -lt \$size ]; do dd if=/root/\$name.test.example bs=1 skip=\$i count=1 2>/dev/null; i=\$((i + 1)); done) |
        nc -w 5 $WORLD4 81 | wc -c
done"
assert_eq "$out" "$(($(stat -c %s "$T/www.test.example") + 3))
0" "bytes that came back"
# A second hello, for which the server asks, has to ask for the name as well.
retried() { [ "$(wc -l <"$T/world.ready.retried")" = "$1" ]; }
for hellos in two same; do
    host_ok exec box -- sh -c "(cat /root/$hellos; sleep 1) | nc -w 5 $WORLD4 85 >/dev/null"
done
eventually 10 retried 2
size=$(stat -c %s "$T/www.test.example")
assert_eq "$(cat "$T/world.ready.retried")" "$size
$((2 * size))" "bytes that the server got"
host_ok rm -q -f box

guest --net public --net-rule 'deny@*.bad.test.example'
passes www.test.example
passes nobody
refused a.bad.test.example
host_ok exec box -- sh -c "echo hi | nc -w 5 $WORLD4 80"
assert_eq "$out" 'world got hi'
# Servers that speak first are not waited for.
host_ok exec box -- sh -c "nc -w 5 $WORLD4 82 </dev/null | wc -c"
assert_eq "$out" $((64 << 20))
host_ok rm -q -f box

# A name that leads elsewhere: an alias that is denied, an address that nobody opened.
lookups box --net public --net-rule 'deny@*.other.test.example'
asks box udp 3 alias.test.example
asks box tcp 3 alias.test.example 28
asks box udp 0 www.test.example
asks box udp 3 inner.test.example
host_ok rm -q -f box
lookups box --net public,private
asks box udp 0 inner.test.example
lookups all --net all
asks all udp 3 inner.test.example
lookups off --net all --no-dns-rebind-protection
asks off udp 0 inner.test.example
host_ok rm -q -f box all off
no_leftovers
