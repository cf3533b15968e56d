#!/usr/bin/env bash
# ctest: timeout=300
# Resolvers that are down, silent, flapping, or that lie: a lookup fails or has the right answer within its time, never a forged
# one, and the next is answered as ever.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4
cat >"$T/resolver.py" <<'END'
# By the first label of the name. Forged answers say 6.6.6.6, right ones 93.184.215.14.
import os, socket, struct, sys, threading, time

def name_end(query):
    end = 12
    while query[end]:
        end += 1 + query[end]
    return end + 5

def records(query, addresses, flags=0x8180, number=None):
    end = name_end(query)
    kind = struct.unpack("!H", query[end - 4:end - 2])[0]
    addresses = addresses if kind == 1 else []
    reply = (number or query[:2]) + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0) + query[12:end]
    for address in addresses:
        reply += struct.pack("!HHHIH", 0xc00c, 1, 1, 60, 4) + address
    return reply

right, forged = [socket.inet_aton("93.184.215.14")], [socket.inet_aton("6.6.6.6")]

def loop(query):
    end = name_end(query)
    other = b"\x05other\xc0\x0c"
    reply = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 2, 0, 0) + query[12:end]
    reply += struct.pack("!HHHIH", 0xc00c, 5, 1, 60, len(other)) + other
    return reply + other + struct.pack("!HHIH", 5, 1, 60, 2) + b"\xc0\x0c"

def bent(query): # a name that points at itself
    end = name_end(query)
    return query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + query[12:end] + struct.pack("!H", 0xc000 | end) + bytes(10)

def serve_udp(server, query, peer):
    label = query[13:13 + query[12]].decode().lower()
    send = lambda data: server.sendto(data, peer)
    wrong_id = bytes([query[0] ^ 1, query[1]])
    if label == "id":
        for _ in range(50):
            send(records(query, forged, number=wrong_id))
    elif label == "question":
        other = query[:13] + b"x" + query[14:]
        for _ in range(50):
            send(records(other, forged))
    elif label == "spoofed":
        elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(50):
            elsewhere.sendto(records(query, forged), peer)
    elif label == "noise":
        for size in (0, 1, 11, 12, 13, 600):
            send(os.urandom(size))
            send(query[:2] + os.urandom(size))
    elif label == "late":
        time.sleep(3)
    elif label == "never":
        return
    elif label == "loop":
        return send(loop(query))
    elif label == "bent":
        return send(bent(query))
    elif label in ("many", "cut"):
        return send(records(query, [], flags=0x8380))
    send(records(query, right))

def serve_tcp(connection):
    head = connection.recv(2, socket.MSG_WAITALL)
    query = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
    label = query[13:13 + query[12]].decode().lower()
    if label == "many":
        reply = records(query, [bytes([93, 184, 216 + i // 250, 1 + i % 250]) for i in range(1000)])
        connection.sendall(struct.pack("!H", len(reply)) + reply)
    elif label == "cut":
        connection.sendall(struct.pack("!H", 500) + bytes(20))
    connection.close()

def accept(listener):
    while True:
        threading.Thread(target=serve_tcp, args=(listener.accept()[0],), daemon=True).start()

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
listener = socket.create_server((sys.argv[1], 53))
threading.Thread(target=accept, args=(listener,), daemon=True).start()
open(sys.argv[2], "w").close()
while True:
    query, peer = server.recvfrom(65536)
    threading.Thread(target=serve_udp, args=(server, query, peer), daemon=True).start()
END
begin_resolver() {
    rm -f "$T/ready"
    helper nsenter --net --target "$WORLD_PID" -- python3 "$T/resolver.py" "$WORLD4" "$T/ready"
    resolver=$helper_pid
    eventually 10 test -e "$T/ready"
}
begin_resolver

lookups box --net public
host_ok create -q -n other --net public
look() { host_run 60 exec box -- nslookup -type=a "$1.test.example"; }
finds() { # finds LABEL: the right address
    look "$1"
    assert_contains "$out" 93.184.215.14 "the address of $1 ($err)"
    assert_not_contains "$out" 6.6.6.6
}
fails() { # fails LABEL: no address at all
    look "$1"
    assert_not_contains "$out" 93.184.215.14 "$1"
    assert_not_contains "$out" 6.6.6.6
    finds plain
}
for label in plain id question spoofed noise late; do
    finds $label
done
for label in never loop bent cut; do
    fails $label
done
# A thousand addresses, which fit into no datagram.
asks box tcp 0 many.test.example
asks box udp 0 many.test.example
finds plain

# Down: a lookup fails. Flapping: those after it are answered, and a storm of questions leaves nothing behind.
for _ in 1 2 3; do
    kill "$resolver"
    begin=$EPOCHREALTIME
    asks box udp 2 plain.test.example
    [ $((${EPOCHREALTIME/./} - ${begin/./})) -lt 30000000 ] || fail_test "a lookup without a resolver takes its time"
    begin_resolver
    finds plain
done
host_ok exec box -- sh -c 'for i in $(seq 300); do ask udp 127.0.0.9 x >/dev/null & nslookup never.test.example >/dev/null 2>&1 & done; sleep 1; kill $(jobs -p) 2>/dev/null; wait; true'
# Questions of the storm may still wait for their answers, and there is room for so many only.
answered_again() { look plain && grep -q 93.184.215.14 <<<"$out"; }
eventually 30 answered_again
finds plain
host_ok exec other -- nslookup -type=a plain.test.example
assert_contains "$out" 93.184.215.14 "another sandbox"
host_ok rm -q -f box other
no_leftovers
