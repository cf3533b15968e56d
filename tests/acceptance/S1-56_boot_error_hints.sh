#!/usr/bin/env bash
# Hints follow stage and errno.
. "$(dirname "$0")/../lib.sh"
need_kernel

# mount + ENOENT, mount + EACCES.
run_fail 1 '→ .*host path.*does not exist' msb run -v /does/not/exist:/x -- true
mkdir "$T/closed"
chmod 000 "$T/closed"
run_fail 1 '→ .*host path.*not readable' msb run -v "$T/closed:/x" -- true
assert_match "$err" '→ mount: .*Permission denied'
chmod 700 "$T/closed"

# image + ENOENT: a piece of the image is gone from the cache.
run_ok msb create -q -n box
run_ok msb stop -q box
data=$(find "$MSB_HOME/cache/blobs" -name '*.data' | head -n 1)
mv "$data" "$T/data"
run_fail 1 'failed to start "box"' msb start box
assert_match "$err" '→ image: '
assert_match "$err" '→ .*(load or pull|pull it first)'
assert_match "$(cat "$MSB_HOME/sandboxes/box/logs/boot-error.json")" '"stage": "image"'
mv "$T/data" "$data"
run_ok msb start -q box
run_ok msb rm -q -f box

# network + EADDRINUSE: a port that another program has.
need python3
helper python3 -c '
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], file=open(sys.argv[1], "w"), flush=True)
time.sleep(1000)' "$T/port"
eventually 10 test -s "$T/port"
run_fail 1 'cannot publish port' msb create -q -n box -p "$(cat "$T/port"):80"
assert_match "$err" '→ network: '
assert_match "$err" '→ .*bound by another program'
run_ok msb rm -q -f box
no_leftovers
