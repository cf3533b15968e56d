#!/usr/bin/env bash
# ctest: timeout=600
# A guest that leaves its agent no CPU is noticed: the sandbox ends with a reason, and so does whoever waits for
# it. One that is only stopped is not given up.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb cp -q "$MSB_BUILD/tools/hog" box:/bin/

# Somebody looks at the machine for longer than the agent may be silent in CPU time.
engine=$(host_pids_of linux)
[ -n "$engine" ] || engine=$(host_pids_of linux.uml)
[ -n "$engine" ] || skip "the engine's processes cannot be told"
for pid in $engine; do kill -STOP "$pid"; done
sleep 40
for pid in $engine; do kill -CONT "$pid"; done
run_ok msb exec box -- echo back
assert_eq "$out" back

# A program of a higher priority than anything else has the only CPU, for ever.
"$MSB" exec box -- sh -c 'echo up; exec hog' >"$T/out" 2>"$T/err" &
spinning=$!
eventually 20 grep -q up "$T/out"
sleep 1
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
