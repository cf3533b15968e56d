#!/usr/bin/env bash
# ctest: timeout=300
# What goes through forwarded ports arrives, in both directions and whatever either side does.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3
client() { run_ok limited 120 python3 "$TESTS_DIR/guest/forward_client.py" "$@"; }

run_ok msb create -q -n box
msb exec box -- sh -c 'cat >/bin/peer; chmod 755 /bin/peer' <"$MSB_BUILD/tools/peer"
run_ok msb exec box -- sh -c '
    peer 9001 cat
    peer 9002 sha256sum
    peer 9003 cat /tmp/data
    peer 9004 sleep 1000
    peer 9005 head -c 1
    peer /run/echo.sock cat
    peer @abstract cat
    head -c 104857600 /dev/urandom >/tmp/data'

# forward RULE...: in the background; sets $forward_pid; port_of TARGET then tells the host's side.
forward() {
    helper "$MSB" forward box "$@" >"$T/forward" 2>"$T/forward.err"
    forward_pid=$helper_pid
    eventually 30 sh -c '[ "$(wc -l <"$0")" -eq "$1" ]' "$T/forward" $#
}
port_of() { sed -n "s|^127.0.0.1:\([0-9]*\) -> $1\$|\1|p" "$T/forward"; }

forward 0:9001 0:9002 0:9003 0:9004 0:9005 0:9 0:no-such-name:80 0:/run/echo.sock 0:@abstract \
    "$T/host.sock:/run/echo.sock"
echo_port=$(port_of localhost:9001)

client echo "$echo_port" 1
client upload "$(port_of localhost:9002)" 104857600
client download "$(port_of localhost:9003)"
digest=$(msb exec box -- sha256sum /tmp/data)
assert_eq "$out" "104857600 ${digest%% *}" "100 MiB from the guest"
client both_ways "$echo_port" 33554432
client echo "$(port_of unix:/run/echo.sock)" 2
client echo "$(port_of unix:@abstract)" 2
assert_eq "$(stat -c '%a %F' "$T/host.sock")" "600 socket"
client echo "$T/host.sock" 2
client echo "$echo_port" 100
client stuck "$(port_of localhost:9004)" "$echo_port"
client reset "$(port_of localhost:9005)"
client refused "$(port_of localhost:9)"
client refused "$(port_of no-such-name:80)"
assert_match "$(cat "$T/forward.err")" 'cannot connect to localhost:9: connection refused'
assert_match "$(cat "$T/forward.err")" 'cannot resolve "no-such-name"'

# Names come from the guest's own files.
run_ok msb exec box -- sh -c 'echo 127.0.0.1 my-name >>/etc/hosts'
run_ok sh -c 'echo by name | "$0" forward box --stdio MY-NAME:9001' "$MSB"
assert_eq "$out" "by name"

# Killed in the middle: the guest's end is reset, and the sandbox is none the worse.
in_guest() { msb exec box -- sh -c "grep -c ':2329 .* 01 ' /proc/net/tcp || :"; } # 9001, established
nobody_connected() { [ "$(in_guest)" = 0 ]; }
helper python3 "$TESTS_DIR/guest/forward_client.py" pour "$echo_port" 60 >"$T/pour" 2>&1
eventually 10 grep -q pouring "$T/pour"
kill -9 "$forward_pid"
eventually 20 nobody_connected
run_ok sh -c 'echo again | "$0" forward box --stdio 9001' "$MSB"
assert_eq "$out" again

# A sandbox that ends ends the command, which says why.
rm -f "$T/host.sock"
forward 0:9001
run_ok msb kill -q box
code=0
wait "$forward_pid" || code=$?
assert_eq "$code" 1 "exit code of a forward whose sandbox was killed"
assert_match "$(cat "$T/forward.err")" 'forwarding ended'
no_leftovers
