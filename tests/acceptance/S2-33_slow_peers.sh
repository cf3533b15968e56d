#!/usr/bin/env bash
# ctest: timeout=180
# A slow client of a published port does not stall the response: neither its own, which it gets whole once it reads, nor
# another client's.
. "$(dirname "$0")/../lib.sh"
need_kernel

mib=16
run_ok msb create -q -n box -p 127.0.0.1:0:9001
"$MSB" exec box -- sh -c 'cat >/bin/peer; chmod 755 /bin/peer' <"$MSB_BUILD/tools/peer"
run_ok msb exec box -- peer 9001 dd if=/dev/zero bs=65536 count=$((mib * 16))
run_ok msb port box 9001
cat >"$T/clients.py" <<'END'
import socket
import sys

port, size = int(sys.argv[1]), int(sys.argv[2])


def connect():
    return socket.create_connection(("127.0.0.1", port), 60)


def count(one):
    total = 0
    while part := one.recv(1 << 18):
        total += len(part)
    return total


slow = connect()
first = len(slow.recv(1))  # the response has begun, and nobody reads on
for _ in range(3):
    assert count(connect()) == size, "a client beside a slow one"
assert first + count(slow) == size, "the slow one itself"
many = [connect() for _ in range(40)]
print("all", count(connect()) == size)
for one in many:
    assert count(one) == size, "one of many that did not read"
END
run timeout 150 python3 "$T/clients.py" "${out##*:}" $((mib << 20))
assert_eq "$out$err" "all True"
run_ok msb rm -q -f box
no_leftovers
