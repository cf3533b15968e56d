#!/usr/bin/env bash
# ctest: timeout=300
# What goes wrong around interception: the policy still decides, first; peers that say nothing hold nothing up for long;
# many connections take little memory; without its process nothing that is to be intercepted goes out.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
. "$TESTS_DIR/tls.sh"
need_kernel
need openssl mmdebstrap umoci
tools_image
make_networks 4
serve_world
new_authority upstream
new_certificate upstream good DNS:www.test.example,DNS:other.test.example -days 10
serve_tls 443 good
# Listens and says nothing.
helper nsenter --net --target "$WORLD_PID" -- python3 -c 'import socket, time
listener = socket.create_server(("", 444))
kept = []
while True:
    kept.append(listener.accept())'

host_ok create -q -n box --net-rule 'allow@www.test.example:tcp:443-444,allow@dns' --tls-upstream-ca-cert "$T/upstream.pem" \
    --tls-intercept-port 443 --tls-intercept-port 444 --max-connections 400 tools
tlsd() { host_pids_of tlsd; }
resident() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
get() { host_run 60 exec box -- curl -sS --max-time 20 "$@"; }
get https://www.test.example/x
assert_contains "$out" 'GET /x'
pid=$(tlsd)
[ -n "$pid" ] || fail_test "no process intercepts"
[ "$(readlink "/proc/$pid/ns/net")" != "$(in_host readlink /proc/self/ns/net)" ] || fail_test "the process that has the keys has a network"
idle=$(resident "$pid")

# Refused before and after the name is known; nothing of it reaches tlsd.
get https://other.test.example/x
[ "$code" -ne 0 ] || fail_test "a name that no rule allows was reached"
get --resolve other.test.example:443:"$WORLD4" https://other.test.example/x
assert_not_contains "$out" 'GET /x'
host_ok net log box --denied
assert_contains "$out" 'other.test.example'

# 256 connections that are kept, and some that say nothing or half of something.
cat >"$T/many.py" <<'PY'
import socket, ssl, time
context = ssl.create_default_context()
kept = []


def ask(one, path):
    one.sendall(f"GET {path} HTTP/1.1\r\nHost: www.test.example\r\n\r\n".encode())
    answer = b""
    while b"body 0\n" not in answer:
        piece = one.recv(65536)
        assert piece, answer
        answer += piece


for _ in range(256):
    one = context.wrap_socket(socket.create_connection(("www.test.example", 443)), server_hostname="www.test.example")
    ask(one, "/x")
    kept.append(one)
silent = [socket.create_connection(("www.test.example", 443)) for _ in range(8)]
for one in silent:
    one.sendall(bytes.fromhex("160301020001"))
print("kept", len(kept), flush=True)
time.sleep(5)
for one in kept[::16]:
    ask(one, "/again")
print("done")
PY
host_ok cp "$T/many.py" box:/many.py
timeout 60 nsenter --net --mount --target "$HOST_PID" -- "$MSB" exec box -- sh -c "ulimit -n 2000; python3 /many.py" >"$T/many.out" 2>&1 &
many=$!
eventually 60 grep -q kept "$T/many.out"
full=$(resident "$pid")
wait $many || { cat "$T/many.out"; fail_test "connections were lost"; }
echo "tlsd: $idle KiB idle, $full KiB with 256 connections"
[ "$idle" -le 24576 ] || fail_test "idle: $idle KiB"
[ "$full" -le 65536 ] || fail_test "with 256 connections: $full KiB"
# A server that does not speak: the guest hears so.
host_run 60 exec box -- curl -sS --max-time 45 https://www.test.example:444/
assert_contains "$out" 'did not finish its handshake'

# Without the process: connections that it had end, others live, and new ones get nowhere.
host_ok exec -d box -- python3 -c 'import socket, ssl
one = ssl.create_default_context().wrap_socket(socket.create_connection(("www.test.example", 443)),
    server_hostname="www.test.example")
open("/tmp/open", "w").close()
try:
    one.recv(1)
finally:
    open("/tmp/ended", "w").close()'
eventually 10 in_host "$MSB" exec box -- test -e /tmp/open
kill -9 "$pid"
eventually 10 in_host "$MSB" exec box -- test -e /tmp/ended
get https://www.test.example/x
[ "$code" -ne 0 ] || fail_test "a connection went out without the process that opens it"
assert_not_contains "$out" 'GET'
host_ok exec box -- getent hosts www.test.example
host_ok logs box --source system
assert_contains "$out" 'interception lost'
host_ok rm -q -f box
no_leftovers
