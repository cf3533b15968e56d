#!/usr/bin/env bash
# ctest: timeout=200
# A rule by name decides about QUIC as it does about TLS: whom a connection asks for is read in its first packets.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4
serve_world

hello="$MSB_BUILD/tools/quic_hello"
"$hello" www.test.example 1 "$T/www1"
"$hello" www.test.example 2 "$T/www2"
"$hello" www.test.example 1 "$T/cut.1" "$T/cut.2" "$T/cut.3"
"$hello" other.test.example 1 "$T/other"
"$hello" '' 1 "$T/nobody"
python3 - "$T" <<'PY'
import sys
with open(sys.argv[1] + "/www1", "rb") as file:
    packet = bytearray(file.read())
packet[-1] ^= 1
with open(sys.argv[1] + "/forged", "wb") as file:
    file.write(packet)
packet[1:5] = b"\xff\0\0\x1d"
with open(sys.argv[1] + "/draft", "wb") as file:
    file.write(packet)
PY

prepare() { # prepare OPTIONS...: a sandbox with the packets
    host_ok create -q -n box "$@"
    (cd "$T" && tar -cf "$T/packets.tar" www1 www2 cut.1 cut.2 cut.3 other nobody forged draft)
    in_host "$MSB" exec box -- sh -c 'cat >/bin/udp; chmod 755 /bin/udp' <"$MSB_BUILD/tools/udp"
    in_host "$MSB" exec box -- sh -c 'mkdir -p /packets; tar -xf - -C /packets' <"$T/packets.tar"
}
sends() { # sends WANTED ADDRESS FILE...: what becomes of each datagram, from one port
    host_ok exec box -- sh -c 'cd /packets; nslookup www.test.example >/dev/null; udp files "$@"' - "$2" 443 "${@:3}"
    assert_eq "$out" "$1" "QUIC to $2: ${*:3}"
}
refused='No route to host'

prepare --net-rule 'allow@www.test.example:udp:443'
sends 1200 "$WORLD4" www1
sends 1200 "$WORLD4" www2
sends "nothing
nothing
1200" "$WORLD4" cut.2 cut.3 cut.1 # held until it can be seen
sends "$refused" "$WORLD4" other
sends "$refused" "$WORLD4" nobody
sends "$refused" "$WORLD4" forged
sends "$refused" "$WORLD4" draft
sends "1200
$refused
1200" "$WORLD4" www1 other www2 # one port, several connections
sends "$refused" 93.184.215.20 www1 # the right name at another address
host_ok net log box
assert_match "$out" 'www.test.example' "what was allowed"
assert_match "$out" 'other.test.example' "what was refused"
host_ok rm -q -f box

prepare --net public --net-rule 'deny@other.test.example'
sends 1200 "$WORLD4" www1
sends "$refused" "$WORLD4" other
sends 1200 "$WORLD4" nobody
host_ok rm -q -f box

# What is to be intercepted cannot be.
prepare --net public --tls-intercept
sends "$refused" "$WORLD4" www1
host_ok rm -q -f box
no_leftovers
