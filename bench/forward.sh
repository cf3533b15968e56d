#!/usr/bin/env bash
# What forwarding costs: bytes through `msb forward` in turns with the same bytes through the standard
# streams of `msb exec`, each way, and requests a second through a forwarded port.
#
#   bench/forward.sh [ROUNDS [MiB]]      default: 5 rounds of 256 MiB, about a minute
. "$(dirname "$0")/lib.sh"
MSB=$MSB_BUILD/bin/msb
rounds=${1:-5}
mib=${2:-256}
bytes=$((mib << 20))
forward_pid=
[ -x "$MSB_BUILD/tools/peer" ] || {
    echo "$MSB_BUILD/tools/peer is missing: configure with -DMSB_TESTS=ON and build" >&2
    exit 1
}

finish() {
    [ -z "$forward_pid" ] || kill "$forward_pid"
    "$MSB" rm -q -f box 2>/dev/null || :
    rm -rf "$T"
}
trap finish EXIT

"$MSB" create -q -n box -m 512M
"$MSB" exec box -- sh -c 'cat >/bin/peer; chmod 755 /bin/peer' <"$MSB_BUILD/tools/peer"
"$MSB" exec box -- sh -c "
    peer 9001 dd if=/dev/zero bs=262144 count=$((mib * 4))
    peer 9002 sh -c 'cat >/dev/null; echo done'
    peer 9003 cat"
"$MSB" forward box 0:9001 0:9002 0:9003 >"$T/ports" &
forward_pid=$!
until [ "$(wc -l <"$T/ports")" -eq 3 ]; do sleep 0.1; done
port_of() { sed -n "s|^127.0.0.1:\([0-9]*\) -> localhost:$1\$|\1|p" "$T/ports"; }

# The host's side is one small program, so that its own cost is the same in every row.
cat >"$T/pipe.py" <<'PY'
import os, socket, sys
action, where, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
piece = b"\0" * (1 << 18)
def wire():
    return socket.create_connection(("127.0.0.1", int(where)))
if action == "receive":
    one, total = wire(), 0
    while part := one.recv(1 << 18):
        total += len(part)
    assert total == size, total
elif action == "send":
    one = wire()
    for _ in range(size // len(piece)):
        one.sendall(piece)
    one.shutdown(socket.SHUT_WR)
    assert one.recv(16) == b"done\n"
elif action == "turns":
    one = wire()
    for _ in range(size):
        one.sendall(b".")
        assert one.recv(1) == b"."
elif action == "swallow":
    total = 0
    while part := os.read(0, 1 << 18):
        total += len(part)
    assert total == size, total
elif action == "produce":
    for _ in range(size // len(piece)):
        left = piece
        while left:
            left = left[os.write(1, left):]
PY
exec_receive() { "$MSB" exec box -- sh -c "dd if=/dev/zero bs=262144 count=$((mib * 4)) 2>/dev/null" | python3 "$T/pipe.py" swallow - "$bytes"; }
exec_send() { python3 "$T/pipe.py" produce - "$bytes" | "$MSB" exec box -- sh -c 'cat >/dev/null'; }
for _ in $(seq "$rounds"); do
    measure "$T/receive" python3 "$T/pipe.py" receive "$(port_of 9001)" "$bytes"
    measure "$T/exec.receive" exec_receive
    measure "$T/send" python3 "$T/pipe.py" send "$(port_of 9002)" "$bytes"
    measure "$T/exec.send" exec_send
    measure "$T/turns" python3 "$T/pipe.py" turns "$(port_of 9003)" 1000
done
echo "machine: $(nproc) cores, $(uname -r); load $(cut -d' ' -f1 /proc/loadavg); $mib MiB"
report "forward, guest to host" "$T/receive" "through exec" "$T/exec.receive" 1.7
report "forward, host to guest" "$T/send" "through exec" "$T/exec.send" 1.7
awk -v us="$(median "$T/turns")" 'BEGIN {printf "forward, one byte there and back      %8.3f ms\n", us / 1e6}'
