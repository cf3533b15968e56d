#!/usr/bin/env bash
# A silent command keeps its sandbox, whatever --idle-timeout says; so does one whose output nobody
# reads. touch counts as activity, ping does not.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box --idle-timeout 3s
run_ok msb exec box -- sh -c 'sleep 5; echo survived'
assert_eq "$out" survived

# The guest can look at its heartbeat, too; a FIFO in its place does not stop it.
beat() { msb exec box -- cat /.msb/heartbeat.json; }
eventually 5 beat
beat=$(beat)
for key in heartbeat_seq activity_seq timestamp last_activity active_exec_sessions active_fs_streams active_tcp_streams \
    activity_counters host_messages guest_messages exec_output_bytes fs_bytes tcp_bytes; do
    assert_contains "$beat" "\"$key\":"
done
run_ok msb exec box -- sh -c 'mkfifo /.msb/heartbeat.tmp; sleep 2'
[ "$(beat)" != "$beat" ] || fail_test "the heartbeat stands still: $beat"

# A client that does not read: the command is blocked, the sandbox neither dead nor idle.
mkfifo "$T/pipe"
"$MSB" exec box -- cat /dev/zero >"$T/pipe" 2>/dev/null &
flood=$!
exec 7<"$T/pipe"
head -c 100000 <&7 >/dev/null
sleep 5
run_ok msb ls --running -q
assert_eq "$out" box
head -c 100000 <&7 >/dev/null
exec 7<&-
wait "$flood" || :

# Kept by touch beyond its time; pings do not keep it.
if [ -n "$(msb ls --running -q)" ]; then
    for _ in 1 2 3 4 5 6 7 8; do
        run_ok msb touch -q box
        sleep 0.6
    done
    run_ok msb ls --running -q
    assert_eq "$out" box "touched"
fi
deadline=$((SECONDS + 20))
while msb ping -q box 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || fail_test "pings keep the sandbox alive"
    sleep 0.3
done
eventually 10 sh -c '"$0" ls --stopped -q | grep -qx box' "$MSB"
run_fail 1 'not running.*cannot touch' msb touch box
run_ok msb rm -q box
no_leftovers
