#!/usr/bin/env bash
# Commands that meet in a sandbox which one of them started: each ends by itself, then the sandbox stops.
. "$(dirname "$0")/../lib.sh"
need_kernel

stopped() { msb ls --stopped -q | grep -qx "$1"; }
# ends PID CODE WHAT
ends() {
    local code=0
    wait "$1" || code=$?
    assert_eq "$code" "$2" "exit code of $3"
}

run_ok msb create -q -n box
run_ok msb stop -q box

# What is waited for ends when it is told to, over its stdin: a sandbox that drains takes no new commands.
mkfifo "$T/go"
exec 4<>"$T/go"
draining() { msb ls --format json | grep -q '"status": "Draining"'; }

# The first ends before the second, and waits for it.
"$MSB" exec box -- sh -c 'touch /tmp/first; until [ -e /tmp/second ]; do sleep 0.1; done; exit 4' &
first=$!
eventually 20 sh -c '"$0" ps -q | grep -qx box' "$MSB"
"$MSB" exec box -- sh -c 'touch /tmp/second; read -r go; echo $go whole' <"$T/go" >"$T/second" &
second=$!
eventually 20 draining
kill -0 "$first" || fail_test "the first command did not wait for the second"
echo still >&4
ends "$second" 0 "the second command"
assert_eq "$(cat "$T/second")" "still whole"
ends "$first" 4 "the first command"
stopped box || fail_test "not stopped after the last command"

# Nobody waits for what was detached, and a signal ends the waiting.
"$MSB" exec box -- sh -c 'until [ -e /tmp/go1 ]; do sleep 0.1; done' &
first=$!
eventually 20 sh -c '"$0" ps -q | grep -qx box' "$MSB"
run_ok msb exec -d box -- sh -c 'touch /tmp/go1; exec sleep 1000'
ends "$first" 0 "the command that a detached one outlives"
stopped box || fail_test "not stopped for a detached command"
"$MSB" exec box -- sh -c 'until [ -e /tmp/go2 ]; do sleep 0.1; done' &
first=$!
eventually 20 sh -c '"$0" ps -q | grep -qx box' "$MSB"
"$MSB" exec box -- sh -c 'touch /tmp/go2; exec sleep 1000' &
second=$!
eventually 20 draining
kill -TERM "$first"
ends "$first" 0 "the command whose client was told to end"
ends "$second" 143 "the command that was waited for"
stopped box || fail_test "not stopped after a signal"

# A copy waits as well.
mkfifo "$T/archive"
"$MSB" cp -q - box:/root <"$T/archive" &
copy=$!
exec 3>"$T/archive"
eventually 20 sh -c '"$0" ps -q | grep -qx box' "$MSB"
# (Without the writing end of the copy, which would not end then.)
"$MSB" exec box -- sh -c 'touch /tmp/in; read -r go; ls /root/copied; echo $go whole' <"$T/go" >"$T/second" 3>&- &
second=$!
eventually 20 msb exec box -- test -e /tmp/in
touch "$T/copied"
tar -C "$T" -cf - copied >&3
exec 3>&-
eventually 20 draining # the copy is done, and waits
kill -0 "$copy" || fail_test "the copy did not wait for the command"
echo still >&4
ends "$second" 0 "the command beside a copy"
assert_eq "$(cat "$T/second")" "/root/copied
still whole"
ends "$copy" 0 "the copy"
stopped box || fail_test "not stopped after a copy"

# Started at the same moment: one starts or makes the sandbox, the others use it.
meet='touch /tmp/$0; until [ -e /tmp/1 ] && [ -e /tmp/2 ] && [ -e /tmp/3 ]; do sleep 0.1; done; echo met $0'
for command in 'exec box' 'run -q -n new'; do
    pids=()
    for i in 1 2 3; do
        # shellcheck disable=SC2086
        "$MSB" $command -- sh -c "$meet" "$i" >"$T/met.$i" 2>"$T/met.err.$i" &
        pids+=($!)
    done
    for i in 1 2 3; do
        ends "${pids[i - 1]}" 0 "$command, number $i: $(cat "$T/met.err.$i")"
        assert_eq "$(cat "$T/met.$i")" "met $i"
    done
    stopped "${command##* }" || fail_test "not stopped after three times $command"
done
run_ok msb rm -q box new
no_leftovers
