#!/usr/bin/env bash
# What a sandbox's network costs: netd's stack by itself (net/net_bench.cpp); bytes through a published port in turns with the same bytes over this
# machine's loopback, each way; a byte there and back; a start with a network beside one without; a change of the policy.
#
#   bench/net.sh [ROUNDS [MiB]]      default: 5 rounds of 256 MiB, about a minute
. "$(dirname "$0")/lib.sh"
MSB=$MSB_BUILD/bin/msb
rounds=${1:-5}
mib=${2:-256}
bytes=$((mib << 20))
server_pid=
for tool in peer net_bench; do
    [ -x "$MSB_BUILD/tools/$tool" ] || {
        echo "$MSB_BUILD/tools/$tool is missing: configure with -DMSB_TESTS=ON -DMSB_BENCH=ON and build" >&2
        exit 1
    }
done

finish() {
    [ -z "$server_pid" ] || kill "$server_pid"
    "$MSB" rm -q -f box 2>/dev/null || :
    rm -rf "$T"
}
trap finish EXIT

"$MSB" create -q -n box -p 29001:9001 -p 29002:9002 -p 29003:9003
"$MSB" exec box -- sh -c 'cat >/bin/peer; chmod 755 /bin/peer' <"$MSB_BUILD/tools/peer"
"$MSB" exec box -- sh -c "
    peer 9001 dd if=/dev/zero bs=262144 count=$((mib * 4))
    peer 9002 sh -c 'dd of=/dev/null bs=262144; echo done'
    peer 9003 cat"

cat >"$T/pipe.py" <<'PY'
import socket, sys, threading
action, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
piece = b"\0" * (1 << 18)
def send(one):
    for _ in range(size // len(piece)):
        one.sendall(piece)
def receive(one):
    total = 0
    while part := one.recv(1 << 18):
        total += len(part)
    return total
def serve(port, answer):
    listener = socket.create_server(("127.0.0.1", port))
    def accept():
        while True:
            one, _ = listener.accept()
            answer(one)
            one.close()
    threading.Thread(target=accept).start()
if action == "serve":
    serve(port, send)
    serve(port + 1, lambda one: (receive(one), one.sendall(b"done\n")))
    sys.exit()
one = socket.create_connection(("127.0.0.1", port))
if action == "receive":
    total = receive(one)
    assert total == size, total
elif action == "send":
    send(one)
    one.shutdown(socket.SHUT_WR)
    assert one.recv(16) == b"done\n"
else:
    for _ in range(size):
        one.sendall(b".")
        assert one.recv(1) == b"."
PY
{
    echo "rules:"
    seq -f '  - allow@192.0.2.%g:tcp:443' 1 250
    seq -f '  - allow@host%g.example.org:tcp:443' 1 750
} >"$T/rules.yaml"
python3 "$T/pipe.py" serve 29011 "$bytes" &
server_pid=$!
sleep 0.5
for _ in $(seq "$rounds"); do
    measure "$T/receive" python3 "$T/pipe.py" receive 29001 "$bytes"
    measure "$T/loop.receive" python3 "$T/pipe.py" receive 29011 "$bytes"
    measure "$T/send" python3 "$T/pipe.py" send 29002 "$bytes"
    measure "$T/loop.send" python3 "$T/pipe.py" send 29012 "$bytes"
    measure "$T/turns" python3 "$T/pipe.py" turns 29003 1000
    for _ in 1 2 3; do
        measure "$T/start" "$MSB" run --net public -- true
        measure "$T/plain" "$MSB" run --no-net -- true
        measure "$T/swap" "$MSB" modify box --net-conf "$T/rules.yaml"
    done
done
echo "machine: $(nproc) cores, $(uname -r); load $(cut -d' ' -f1 /proc/loadavg); $mib MiB"
"$MSB_BUILD/tools/net_bench"
report "network, guest to host" "$T/receive" "loopback" "$T/loop.receive" 6
report "network, host to guest" "$T/send" "loopback" "$T/loop.send" 6
report "run --net public -- true" "$T/start" "run --no-net -- true" "$T/plain" 1.3
awk -v us="$(median "$T/turns")" 'BEGIN {printf "network, one byte there and back      %8.3f ms\n", us / 1e6}'
awk -v us="$(median "$T/swap")" 'BEGIN {printf "network, msb modify to 1,000 rules       %8.3f ms\n", us / 1000}'
