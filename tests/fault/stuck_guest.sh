#!/usr/bin/env bash
# ctest: timeout=600
# A guest whose agent falls silent while the machine works is noticed: the sandbox ends with a reason, and so does
# whoever waits for it. One that is only stopped is not given up.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

# Only an agent that is not process 1 can be stopped, and then only by root.
run_ok msb create -q -n box --init /sbin/init inited
run_ok msb exec box -- sh -c 'for p in /proc/[0-9]*; do [ "$(cut -d" " -f4 $p/stat)" != 1 ] || echo "${p#/proc/} $(cat $p/comm)"; done'
agent=$(awk '$2 != "init" {print $1}' <<<"$out" | head -n 1)
[ -n "$agent" ] || fail_test "no agent among: $out"

# Somebody looks at the machine for longer than the agent may be silent in CPU time.
engine=$(host_pids_of linux)
[ -n "$engine" ] || engine=$(host_pids_of linux.uml)
[ -n "$engine" ] || skip "the engine's processes cannot be told"
for pid in $engine; do kill -STOP "$pid"; done
sleep 40
for pid in $engine; do kill -CONT "$pid"; done
run_ok msb exec box -- echo back
assert_eq "$out" back

"$MSB" exec box -- sh -c "echo up; sleep 1; kill -STOP $agent; while :; do :; done" >"$T/out" 2>"$T/err" &
spinning=$!
eventually 20 grep -q up "$T/out"
sleep 2
"$MSB" exec box -- true 2>"$T/err.later" &
later=$!
start=$SECONDS
eventually 300 sh -c '"$0" inspect box --format json | grep -q AgentUnresponsive' "$MSB"
echo "noticed after $((SECONDS - start)) s"
for pid in $spinning $later; do
    code=0
    wait "$pid" || code=$?
    [ "$code" -ne 0 ] || fail_test "a command in a guest that is stuck succeeded"
done
assert_contains "$(cat "$T/err")" "AgentUnresponsive: the agent sent nothing in 30 s of the guest's CPU time"
assert_contains "$(cat "$T/err.later")" AgentUnresponsive
run_ok msb exec -q box -- echo again
assert_eq "$out" again
run_ok msb rm -q -f box
no_leftovers
