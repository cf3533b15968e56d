#!/usr/bin/env bash
# ctest: timeout=180
# Who may enter, and what a server does with those who may not.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ssh_client.sh"
need ssh-keygen python3

run_ok msb create -q -n box
ssh-keygen -q -t ed25519 -N '' -C me@here -f "$T/key"
ssh-keygen -q -t rsa -b 2048 -N '' -f "$T/rsa"
ssh-keygen -q -t ed25519 -N '' -f "$T/other"

# Nobody, at first.
run_fail 1 'no key is authorized' msb ssh serve box
assert_contains "$err" "msb ssh authorize"
# authorize: one key, from one place, once.
run_fail 1 'one of --file, --key and --stdin' msb ssh authorize
run_fail 1 'one of --file, --key and --stdin' msb ssh authorize --stdin --key x
run_fail 1 'invalid public key' msb ssh authorize --key 'ssh-ed25519 AAAA'
run_fail 1 'invalid public key' msb ssh authorize --file "$T/key" # the private one
run_ok msb ssh authorize --file "$T/key.pub"
assert_contains "$out$err" "Authorized"
run_ok msb ssh authorize --key "$(cut -d' ' -f2 "$T/key.pub")"
assert_contains "$out$err" "Already authorized"
run_ok msb ssh authorize --stdin <"$T/rsa.pub"
assert_eq "$(wc -l <"$MSB_HOME/ssh/authorized_keys")" 2
assert_eq "$(stat -c %a "$MSB_HOME/ssh" "$MSB_HOME/ssh/authorized_keys")" $'700\n600'

# A port.
helper "$MSB" ssh serve box -p 0 >"$T/serve" 2>"$T/serve.err"
server_pid=$helper_pid
eventually 20 test -s "$T/serve"
port=$(sed -n 's/^127.0.0.1:\([0-9]*\) -> box$/\1/p' "$T/serve")
options=(-F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$T/known"
    -o "PreferredAuthentications=publickey,password" -o BatchMode=yes)
at_port() { ssh -p "$port" "${options[@]}" "$@"; }
assert_eq "$(at_port -i "$T/key" root@127.0.0.1 'echo hello')" hello
assert_eq "$(at_port -i "$T/rsa" root@127.0.0.1 'echo hello')" hello
run_fail 255 'Permission denied \(publickey\)' at_port -i "$T/other" root@127.0.0.1 true
# The host key stays the same, and only its owner can read it.
assert_eq "$(wc -l <"$T/known")" 1
assert_eq "$(stat -c %a "$MSB_HOME/ssh/host_ed25519")" 600
run_fail 1 "127.0.0.1:$port is in use" msb ssh serve box -p "$port"

# The server of a client is jailed: no file, no network of the host, no capability.
helper ssh -p "$port" "${options[@]}" -i "$T/key" root@127.0.0.1 'echo in >/tmp/in; sleep 1000'
eventually 20 msb exec -q box -- test -e /tmp/in
jailed=0
for pid in $(host_pids_of sshd); do
    [ "$(awk '/^Seccomp:/ {print $2}' "/proc/$pid/status")" = 2 ] || continue
    jailed=$((jailed + 1))
    assert_match "$(cat "/proc/$pid/status")" '^CapEff:[[:space:]]*0000000000000000'
    [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] || fail_test "the host's network"
    [ "$(readlink "/proc/$pid/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] || fail_test "the host's files"
done
assert_eq "$jailed" 1 "jailed servers"
kill "$helper_pid"

# Those that speak no SSH, break off, or keep quiet do not keep others out; each has an end.
python3 - "$port" <<'PYTHON'
import os, socket, sys
port = int(sys.argv[1])
def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=20)
for data in (b"GET / HTTP/1.0\r\n\r\n", b"SSH-2.0-x\r\n" + os.urandom(4096), b"SSH-2.0-" + b"a" * 100000,
             b"SSH-2.0-x\r\n" + b"\xff" * 100000, b"SSH-1.0-x\r\n", b"\0" * 50000):
    with connect() as one:
        try:
            one.sendall(data)
            while one.recv(65536):
                pass
        except ConnectionError:
            pass
for _ in range(20):
    connect().close()

PYTHON
exec 7<>"/dev/tcp/127.0.0.1/$port" 8<>"/dev/tcp/127.0.0.1/$port" 9<>"/dev/tcp/127.0.0.1/$port"
assert_eq "$(at_port -i "$T/key" root@127.0.0.1 'echo still')" still
exec 7>&- 8>&- 9>&-
# Too many keys.
keys=()
for i in 1 2 3 4 5 6 7 8; do
    ssh-keygen -q -t ed25519 -N '' -f "$T/many$i"
    keys+=(-i "$T/many$i")
done
run_fail 255 . at_port "${keys[@]}" -i "$T/key" root@127.0.0.1 true

# Ends by a signal, and leaves no server.
kill -INT "$server_pid"
code=0
wait "$server_pid" || code=$?
assert_eq "$code" 0 "exit code"
no_servers() { [ -z "$(host_pids_of sshd)" ]; }
eventually 5 no_servers

# Killed while it serves, it takes its servers along.
helper "$MSB" ssh serve box -p 0 >"$T/serve"
killed_pid=$helper_pid
eventually 20 grep -q 127 "$T/serve"
port=$(sed -n 's/^127.0.0.1:\([0-9]*\) -> box$/\1/p' "$T/serve")
helper ssh "${options[@]}" -p "$port" -i "$T/key" root@127.0.0.1 'echo in >/tmp/in3; sleep 1000'
eventually 20 msb exec -q box -- test -e /tmp/in3
kill -9 "$killed_pid"
eventually 5 no_servers

# Idle for too long.
export SSH_COMMAND="ssh -F none -o IdentitiesOnly=yes -i $T/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=$T/known2"
run_fail 255 'nothing has happened' sh -c "$SSH_COMMAND -o 'ProxyCommand=$MSB ssh serve --stdio box --inactivity-timeout 1s' root@x.msb 'sleep 1000'"
# A sandbox that ends ends its connections.
helper sh -c "exec $SSH_COMMAND -o 'ProxyCommand=$MSB ssh serve --stdio box' root@x.msb 'echo >/tmp/in2; sleep 1000'"
eventually 20 msb exec -q box -- test -e /tmp/in2
run_ok msb stop -q -t 1 box
code=0
wait "$helper_pid" || code=$?
[ "$code" -ne 0 ] || fail_test "a lost sandbox is no success"

# config: prints, installs once, and keeps what is there.
mkdir -p "$T/user/.ssh"
printf 'Host *\n    Compression no' >"$T/user/.ssh/config"
run_ok env HOME="$T/user" "$MSB" ssh config
run_ok env HOME="$T/user" "$MSB" ssh config --install
run_ok env HOME="$T/user" "$MSB" ssh config --install
assert_eq "$(grep -c Include "$T/user/.ssh/config")" 1
assert_contains "$(cat "$T/user/.ssh/config")" "Compression no"
assert_eq "$(ssh -F "$T/user/.ssh/config" box.msb 'echo started')" started
run_ok msb rm -q -f box
no_leftovers
