#!/usr/bin/env bash
# Traffic of a forwarded port keeps a sandbox from being idle; an open connection alone does not.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

run_ok msb create -q -n box --idle-timeout 3s
msb exec box -- sh -c 'cat >/bin/peer; chmod 755 /bin/peer' <"$MSB_BUILD/tools/peer"
run_ok msb exec box -- peer 9001 cat
helper "$MSB" forward box 0:9001 >"$T/forward" 2>&1
eventually 20 grep -q '>' "$T/forward"
port=$(sed -n 's/^127.0.0.1:\([0-9]*\) .*/\1/p' "$T/forward")
run_ok python3 "$TESTS_DIR/guest/forward_client.py" drip "$port" 7
assert_eq "$(msb ls --format json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["status"])')" \
    Running "status while data flowed"
exec 3<>"/dev/tcp/127.0.0.1/$port"
stopped() { [ -n "$(msb ls --stopped -q)" ]; }
eventually 30 stopped
exec 3>&-
run_ok msb rm -q box
no_leftovers
