#!/usr/bin/env bash
# ctest: timeout=300
# A sandbox whose published ports are used is not idle; one whose ports are open only, is.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4
status() { in_host "$MSB" ls --format json | jq -r ".[] | select(.name == \"$1\") | .status"; }
host_ok create -q -n tcp --idle-timeout 4s -p 7080:80
host_ok create -q -n udp --idle-timeout 4s -p 7090:90/udp
host_ok create -q -n held --idle-timeout 4s -p 7081:80
in_host "$MSB" exec udp -- sh -c 'cat >/bin/udp; chmod 755 /bin/udp' <"$MSB_BUILD/tools/udp"
for box in tcp held; do
    host_ok exec $box -- sh -c 'mkdir -p /www; echo page >/www/p; httpd -p 80 -h /www'
done
# The server is a daemon and no session, because sessions keep a sandbox busy by themselves.
host_ok exec udp -- sh -c 'setsid udp serve 90 </dev/null >/dev/null 2>&1 &'
run in_host timeout 60 python3 -c '
import socket, time, urllib.request
held = socket.create_connection(("127.0.0.1", 7081)) # says nothing
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(2)
client.connect(("127.0.0.1", 7090))
for _ in range(9):
    assert urllib.request.urlopen("http://127.0.0.1:7080/p", timeout=5).read() == b"page\n"
    client.send(b"ping")
    assert client.recv(100) == b"ping"
    time.sleep(1)
print("served")'
assert_eq "$out" served "nine seconds of use ($err)"
assert_eq "$(status tcp)" Running "used through TCP"
assert_eq "$(status udp)" Running "used through UDP"
assert_eq "$(status held)" Stopped "an open connection without data"
for box in tcp udp; do
    stopped() { [ "$(status "$box")" = Stopped ]; }
    eventually 20 stopped
done
host_ok rm -q tcp udp held
no_leftovers
