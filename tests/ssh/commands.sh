#!/usr/bin/env bash
# Commands and shells by OpenSSH's client, as if there were an sshd in the guest.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ssh_client.sh"

run_ok msb create -q -n box -e FROM_SANDBOX=yes
run_ok msb exec box -- sh -c 'echo "user:x:1000:1000::/home/user:/bin/sh" >>/etc/passwd'
install_ssh_config

# stdin, stdout, stderr and the exit status are the command's.
run_ok ssh_to box.msb 'echo out; echo err >&2; cat' <<<"in"
assert_eq "$out" $'out\nin'
assert_contains "$err" err
run_fail 5 '' ssh_to box.msb 'exit 5'
# A shell reads the command.
run_ok ssh_to box.msb 'echo "$FROM_SANDBOX" $((1 + 1)) | tr a-z A-Z'
assert_eq "$out" "YES 2"
# A signal's end is told as such: the client then says 255.
run_fail 255 '' ssh_to box.msb 'kill -TERM $$'
ssh_to -v box.msb 'kill -TERM $$' 2>"$T/log" || :
grep -q 'exit-signal' "$T/log" || fail_test "no exit-signal"

# The login name is the user of the guest; one that is not there is named.
assert_eq "$(ssh_to user@box.msb 'id -u')" 1000
run_fail 127 'nobody-here' ssh_to nobody-here@box.msb id
# Variables of the client.
assert_eq "$(LC_TEST='a b' ssh_to -o SendEnv=LC_TEST box.msb 'echo "$LC_TEST"')" "a b"

# A terminal: its size, its type, one output; and it changes its size.
shell=$(on_terminal "TERM=vt100 ssh -F $SSH_CONFIG box.msb" '# ' 'stty size; echo type=$TERM; tty >&2; exit 4\n')
assert_contains "$shell" "33 77"
assert_contains "$shell" "type=vt100"
assert_contains "$shell" "/dev/pts/"
assert_contains "$shell" "code=4"
resized=$(on_terminal "sh -c 'sleep 2; stty rows 40 cols 100 </dev/tty' & ssh -F $SSH_CONFIG -t box.msb \
    'trap \"stty size; exit\" WINCH; echo ready; while :; do sleep 0.1; done'")
assert_contains "$resized" "40 100"
# Ctrl-C is the command's.
assert_contains "$(on_terminal "ssh -F $SSH_CONFIG -t box.msb 'echo begun; sleep 100'" begun '\003')" "code="

# A client that goes takes its command along.
helper ssh -F "$SSH_CONFIG" box.msb 'echo $$ >/tmp/pid; exec sleep 1000'
eventually 20 msb exec -q box -- test -s /tmp/pid
kill "$helper_pid"
eventually 20 msb exec -q box -- sh -c '! kill -0 $(cat /tmp/pid)'

# Much goes through, both ways.
head -c 20000000 /dev/urandom >"$T/data"
assert_eq "$(ssh_to box.msb 'tee /tmp/data | sha256sum' <"$T/data" | cut -c1-64)" "$(sha256sum <"$T/data" | cut -c1-64)"
cmp <(ssh_to box.msb 'cat /tmp/data') "$T/data"

# `msb ssh` is the same without an SSH client.
run_ok msb ssh box -- echo '$FROM_SANDBOX;' id -u
assert_eq "$out" $'yes\n0'
run_fail 3 '' msb ssh -n box -- exit 3
run_fail 1 'missing sandbox name' msb ssh
run_fail 1 'no-such' msb ssh connect no-such
assert_contains "$(on_terminal "$MSB ssh box" '# ' 'stty size; exit 6\n')" "code=6"

# One that is stopped is started: for good by a client, for the command by `msb ssh`.
run_ok msb stop -q box
run_ok msb ssh -q box -- true
assert_match "$(msb ls)" 'box.*[Ss]topped'
assert_eq "$(ssh_to box.msb 'echo awake')" awake
run_ok msb stop -q box
run_ok msb rm -q box
no_leftovers
