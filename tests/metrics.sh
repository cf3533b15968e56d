# For tests of metrics, after lib.sh.
# shellcheck shell=bash

# metric NAME KEY: a member of what `msb metrics NAME` says, as JSON; fails while there is no sample.
metric() {
    need jq
    "$MSB" metrics "$1" --format json 2>/dev/null | jq -e ".$2 // empty"
}

# metric_passes NAME EXPRESSION: of jq, about the same.
metric_passes() {
    need jq
    "$MSB" metrics "$1" --format json 2>/dev/null | jq -e "$2" >/dev/null
}

has_sample() { metric_passes "$1" .timestamp; }

# kill_runtime NAME: with SIGKILL, behind msb's back. Returns when it is gone, and its lock with it.
kill_runtime() {
    local pid
    pid=$(cat "$MSB_HOME/run/locks/$(printf %s "$1" | sha256sum | cut -c1-32).pid")
    kill -9 "$pid"
    eventually 20 gone "$pid"
}
gone() { ! kill -0 "$1"; }

# segment: the file of this home's registry; slot_state NAME: of its slot there, as other readers find it.
segment() { sed 's,^,/dev/shm,' "$MSB_HOME/run/metrics/registry-v3.name"; }
slot_state() {
    need python3
    python3 -B - "$(segment)" "$1" <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
magic, version, header, slot, capacity, state = struct.unpack_from("<8sIIIII", data)
assert (magic, version, header, slot, state) == (b"MSBMET01", 3, 256, 512, 2), "not a registry"
assert len(data) == header + slot * capacity, "another size than its header says"
for at in range(header, len(data), slot):
    length, = struct.unpack_from("<H", data, at + 0xA8)
    if data[at + 0xB0 : at + 0xB0 + length] == sys.argv[2].encode():
        print(["free", "reserved", "active", "stale"][struct.unpack_from("<I", data, at)[0]])
END
}
