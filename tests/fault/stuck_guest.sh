#!/usr/bin/env bash
# ctest: timeout=600
# A guest whose agent falls silent while the machine works is noticed, whether the agent is process 1 or not: the sandbox
# ends with a reason, and so does whoever waits for it. One that is only stopped is not given up.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3
init_image inited

# Root can stop an agent that is not process 1. One that is takes no signals, but a control group can be frozen.
run_ok msb create -q -n box
run_ok msb create -q -n side --init /sbin/init inited
run_ok msb exec side -- sh -c 'for p in /proc/[0-9]*; do [ "$(cut -d" " -f4 $p/stat)" != 1 ] || echo "${p#/proc/} $(cat $p/comm)"; done'
agent=$(awk '$2 != "init" {print $1}' <<<"$out" | head -n 1)
[ -n "$agent" ] || fail_test "no agent among: $out"

# Somebody looks at the machine for longer than the agent may be silent in CPU time.
engine=$(host_pids_of linux)
[ -n "$engine" ] || engine=$(host_pids_of linux.uml)
[ -n "$engine" ] || skip "the engine's processes cannot be told"
for pid in $engine; do kill -STOP "$pid"; done
sleep 40
for pid in $engine; do kill -CONT "$pid"; done
for name in box side; do
    run_ok msb exec $name -- echo back
    assert_eq "$out" back
done

# client WHAT COMMAND...: one that is there when the guest gets stuck. Its output is in $T/WHAT.
declare -A clients
client() {
    local what=$1
    shift
    "$@" >"$T/$what" 2>&1 &
    clients[$what]=$!
}

run_ok msb exec -d box -- sleep 1000000
session=$out
cat >"$T/waits.py" <<'PY'
import asyncio
from microsandbox import Sandbox, SessionLostError

async def main():
    box = await Sandbox.connect("box")
    handle = await box.exec_stream("sleep", ["1000000"])
    print("up", flush=True)
    try:
        await handle.wait()
    except SessionLostError as error:
        print("lost:", error)

asyncio.run(main())
PY
client python python_sdk "$T/waits.py"
client attach "$MSB" attach box "$session"
client follow "$MSB" logs -f box
client side "$MSB" exec side -- sh -c "echo up; while [ ! -e /root/go ]; do sleep 0.1; done; kill -STOP $agent; while :; do :; done"
client box "$MSB" exec box -- sh -c 'ice=/sys/fs/cgroup/ice; mkdir $ice; echo up
    while [ ! -e /root/go ]; do sleep 0.1; done
    echo 1 >$ice/cgroup.procs; echo 1 >$ice/cgroup.freeze; while :; do :; done'
for what in box side python; do eventually 20 grep -q up "$T/$what"; done
eventually 20 has_socket "${clients[attach]}"
run_ok msb exec box -- touch /root/go
run_ok msb exec side -- touch /root/go
start=$SECONDS
sleep 3
# And those that come later.
client exec "$MSB" exec box -- true
client exec-side "$MSB" exec side -- true
client cp "$MSB" cp -q "$T/waits.py" box:/root/
client wait "$MSB" wait box
run_fail any 'does not answer' msb ping box
for name in box side; do
    eventually 400 sh -c '"$0" inspect $1 --format json | grep -q AgentUnresponsive' "$MSB" $name
    echo "$name: noticed after $((SECONDS - start)) s"
done
start=$SECONDS
for what in "${!clients[@]}"; do
    code=0
    wait "${clients[$what]}" || code=$?
    case $what in
    follow | wait | python) assert_eq "$code" 0 "exit code of $what" ;;
    *) [ "$code" -ne 0 ] || fail_test "$what succeeded in a guest that is stuck" ;;
    esac
    case $what in
    follow | wait) ;;
    *) assert_contains "$(cat "$T/$what")" "AgentUnresponsive: the agent sent nothing in 30 s of the guest's CPU time" "$what" ;;
    esac
done
[ $((SECONDS - start)) -le 15 ] || fail_test "clients took $((SECONDS - start)) s more"
assert_contains "$(cat "$T/python")" "lost: "
for name in box side; do
    run_ok msb exec -q $name -- echo again
    assert_eq "$out" again
    run_ok msb rm -q -f $name
done
no_leftovers
