#!/usr/bin/env bash
# Everything that sessions write is in exec.log on the host: JSON Lines, nothing lost, nothing changed.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

run_ok msb create -q -n box
run_ok msb exec box -- echo out
run_ok msb exec box -- sh -c 'echo err >&2'
# Bytes that are not text; a character whose halves arrive apart; every control character.
run_ok msb exec box -- printf '\377\000x'
run_ok msb exec box -- sh -c 'printf "caf\303"; sleep 0.3; printf "\251\n"'
run_ok msb exec box -- printf '"\\\001\t\033\n'
run_ok msb exec box -- sh -c 'seq 1 20000 | tr "\n" "x"'

python3 - "$MSB_HOME/sandboxes/box/logs/exec.log" <<'PY'
import base64, json, re, sys
entries = []
for line in open(sys.argv[1], "rb"):
    entry = json.loads(line)
    assert line.endswith(b"\n") and list(entry) == sorted(entry), line
    assert set(entry) <= {"t", "s", "d", "id", "e"}, line
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["t"]), line
    assert ("id" in entry) == (entry["s"] != "system"), line
    data = entry["d"].encode()
    if "e" in entry:
        assert entry["e"] == "b64", line
        data = base64.b64decode(entry["d"], validate=True)
    entries.append((entry["s"], entry.get("id"), data, "e" in entry))
def session(number):
    return b"".join(data for _, id, data, _ in entries if id == number)
assert [e[0] for e in entries if e[1] == 1] == ["stdout"] and session(1) == b"out\n"
assert [e[0] for e in entries if e[1] == 2] == ["stderr"] and session(2) == b"err\n"
assert session(3) == b"\xff\0x" and any(e[3] for e in entries if e[1] == 3)
assert session(4) == "café\n".encode() and not any(e[3] for e in entries if e[1] == 4)
assert session(5) == b'"\\\x01\t\x1b\n' and not any(e[3] for e in entries if e[1] == 5)
assert session(6) == b"".join(b"%dx" % n for n in range(1, 20001))
assert max(id for _, id, _, _ in entries if id) == 6
PY
run_ok msb rm -q -f box
no_leftovers
