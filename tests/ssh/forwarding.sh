#!/usr/bin/env bash
# Connections that SSH carries: into the guest yes, out of it no.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ssh_client.sh"
need curl

run_ok msb create -q -n box --no-net
run_ok msb exec box -- sh -c 'mkdir /www; head -c 3000000 /dev/urandom >/www/data; busybox httpd -p 127.0.0.1:80 -h /www'
install_ssh_config
msb exec box -- cat /www/data >"$T/data"

# -L and -D through Unix sockets and ports of this machine, several at once.
helper ssh -v -F "$SSH_CONFIG" -N -L "$T/web.sock:localhost:80" -L "$T/closed.sock:localhost:81" box.msb 2>"$T/log"
eventually 20 test -S "$T/closed.sock"
for i in 1 2 3 4; do curl -sf --unix-socket "$T/web.sock" http://web/data -o "$T/got$i" & pids[i]=$!; done
for i in 1 2 3 4; do
    wait "${pids[i]}"
    cmp "$T/data" "$T/got$i"
done
# What refuses is closed, and the reason is told.
run_fail any . curl -sS --unix-socket "$T/closed.sock" http://web/
eventually 5 grep -q 'Remote: msb: cannot connect to localhost:81: connection refused' "$T/log"
# Those beside it go on.
curl -sf --unix-socket "$T/web.sock" http://web/data | cmp - "$T/data"
kill "$helper_pid"
wait "$helper_pid" || :

# One connection on stdin and stdout; the ends of data are kept apart.
run_ok sh -c "printf 'GET /data HTTP/1.0\r\n\r\n' | ssh -F '$SSH_CONFIG' -W localhost:80 box.msb | tail -c 3000000 | cmp - '$T/data'"

# -R, the agent and X11 are refused, and the command goes on or fails as the client decides.
run_ok ssh_to -v -R "9999:localhost:1" box.msb true
assert_contains "$err" "Remote: msb: -R is refused"
assert_contains "$err" "remote port forwarding failed"
run_fail 255 'port forwarding failed' ssh_to -o ExitOnForwardFailure=yes -R "9999:localhost:1" box.msb true
run_ok ssh_to -A box.msb 'echo "agent=$SSH_AUTH_SOCK"'
assert_eq "$out" "agent="
run_ok msb rm -q -f box
no_leftovers
