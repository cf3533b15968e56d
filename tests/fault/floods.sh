#!/usr/bin/env bash
# Clients and guests that make the runtime answer, and do not read the answers: its memory stays bounded.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

mkdir "$T/dir"
run_ok msb create -q -n box -v "$T/dir:/x"
runtime=$(host_pids_of runtime)
# The runtime's own memory, KiB; the guest's is a file that it shares with the engine.
memory() { awk '$1 == "RssAnon:" {print $2}' "/proc/$runtime/status"; }
before=$(memory)
assert_bounded() {
    local now
    now=$(memory)
    [ "$now" -lt $((before + 24576)) ] || fail_test "$1: the runtime has grown from $before to $now KiB"
}

# A client sends what is refused, until the runtime takes no more or 100 MB are sent.
cat >"$T/flood.py" <<'PY'
import struct, sys, threading
sys.path.insert(0, sys.argv[1])
from wire_client import Client, encode

client = Client(sys.argv[2])
body = encode({"v": 7, "t": "core.heartbeat", "p": encode({})})
frames = (struct.pack(">IIB", 5 + len(body), client.start, 0) + body) * 1000
client.socket.settimeout(1)
sent = 0
try:
    while sent < 100_000_000:
        sent += client.socket.send(frames)
except TimeoutError:
    pass
print("sent", flush=True)
sys.stdin.read()
# The connection is as good as before: the answers are there, and so is the next one.
def go_on():
    rest = -sent % (len(frames) // 1000)
    client.socket.sendall(frames[len(frames) - rest :])
    client.send(client.start + 1, "core.ping", {})


client.socket.settimeout(20)
threading.Thread(target=go_on).start()
while client.receive()[2] != "core.pong":
    pass
print("pong")
PY
mkfifo "$T/go"
python3 "$T/flood.py" "$TESTS_DIR/interop" "$(msb agent socket-path box)" <"$T/go" >"$T/flood" &
flood=$!
exec 9>"$T/go"
eventually 60 grep -q sent "$T/flood"
assert_bounded "refusals that a client does not read"
run_ok limited 10 msb exec box -- echo alive
exec 9>&-
wait $flood || fail_test "the client did not get its answers"
assert_eq "$(tail -n 1 "$T/flood")" pong

# Root in the guest takes the agent's place on the control channel.
run_ok msb cp -q "$MSB_BUILD/tools/usurper" box:/tmp/
"$MSB" exec box -- /tmp/usurper 100 /x/done >/dev/null 2>&1 &
cli=$!
# It says by a mount when it is done, since there is no agent any more.
eventually 60 test -e "$T/dir/done"
assert_bounded "answers that a guest does not read"
run_ok limited 10 msb kill -q box
wait $cli || :
run_ok msb rm -q box
no_leftovers
