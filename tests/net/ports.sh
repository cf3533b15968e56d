#!/usr/bin/env bash
# ctest: timeout=180
# Published ports: ranges; port 0, which the host chooses and which is shown; `msb port`; services that listen on the
# guest's loopback only; many peers at once before the guest accepts any.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6

# serves PORT [ADDRESS]: a server in the guest that says its port.
serves() {
    host_ok exec box -- sh -c "mkdir -p /www$1; echo guest $1 >/www$1/index.html; httpd -p ${2:+$2:}$1 -h /www$1"
}
# answers PORT TEXT: what the port of the host says.
says() { in_host timeout 5 busybox wget -q -O - "http://127.0.0.1:$1/" 2>/dev/null; }
answers() { [ "$(says "$1")" = "$2" ]; }

host_ok create -n box -p 8000-8002:80-82 -p 0:90 -p 0.0.0.0:0:91/udp -p '[::1]:8080:80'
assert_match "$err" 'Published +127\.0\.0\.1:[0-9]+->90/tcp'
assert_match "$err" 'Published +0\.0\.0\.0:[0-9]+->91/udp'
host_ok port box
assert_match "$out" '^80/tcp -> 127\.0\.0\.1:8000$'
assert_match "$out" '^82/tcp -> 127\.0\.0\.1:8002$'
assert_match "$out" '^80/tcp -> \[::1\]:8080$'
host_ok port box 90
chosen=${out##*:}
assert_match "$out" '^127\.0\.0\.1:[1-9][0-9]*$'
host_ok port box 91/udp --format json
assert_contains "$out" '"protocol": "udp"'
assert_not_contains "$out" '"host_port": 0'
host_ok ps
assert_contains "$out" "127.0.0.1:8000->80/tcp"
host_ok inspect box
assert_contains "$out" "127.0.0.1:$chosen -> 90"
host_run 20 port box 99
assert_eq "$code" 1
assert_contains "$err" "does not publish port 99"
host_run 20 port box 80/icmp
assert_contains "$err" "expected PORT[/tcp|udp]"

# Everywhere, in one family, on the loopback only.
serves 80
serves 82 127.0.0.1
serves 90 127.0.0.1
eventually 10 answers 8000 "guest 80"
eventually 10 answers 8002 "guest 82"
eventually 10 answers "$chosen" "guest 90"
host_ok net log box --format json
assert_contains "$out" '"direction":"in"'
# Nobody listens there.
says 8001 && fail_test "a port at which nobody listens has answered"
refused() { in_host "$MSB" net log box --format json | grep '"port":' | grep -q '"outcome":"refused"'; }
eventually 5 refused

# While it does not run, a chosen port is none.
host_ok stop box
host_ok port box 90
assert_eq "$out" 127.0.0.1:0
host_ok rm -q -f box

# A thousand peers wait in the queue of one port while netd does not accept.
host_ok create -q -n box -p 8000:80 --max-connections 1024
serves 80
eventually 10 answers 8000 "guest 80"
netd=$(host_pids_of netd | head -n 1)
if [ -n "$netd" ] && [ "$(cat /proc/sys/net/core/somaxconn)" -ge 1024 ]; then
    kill -STOP "$netd"
    run in_host python3 - <<'PY'
import socket
peers = []
for _ in range(1000):
    peer = socket.socket()
    peer.settimeout(5)
    peer.connect(("127.0.0.1", 8000))
    peers.append(peer)
print(len(peers))
PY
    kill -CONT "$netd"
    assert_eq "$out" 1000 "peers in the queue ($err)"
fi

# What is wrong is said.
for wrong in 8000-8002:80-81 8002-8000:80-82 0-2:80-82 80:0 65535-65537:1-3; do
    host_run 20 create -n bad -p "$wrong"
    assert_eq "$code" 1 "$wrong"
    assert_contains "$err" "invalid published port '$wrong'"
done
host_run 20 create -n bad -p 8000-8001:80-81
assert_eq "$code" 1
assert_contains "$err" "port 127.0.0.1:8000:80/tcp"
host_ok rm -q -f box
no_leftovers
