#!/usr/bin/env bash
# An agent that is not process 1 can be killed by the guest's root. The sandbox then ends with the reason
# AgentUnresponsive, after the 30 seconds that an init which powers off by itself may need, and starts again.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

run_ok msb create -q -n box --init /sbin/init inited
run_ok msb exec box -- sh -c 'for p in /proc/[0-9]*; do [ "$(cut -d" " -f4 $p/stat)" != 1 ] || echo "${p#/proc/} $(cat $p/comm)"; done'
agent=$(awk '$2 != "init" {print $1}' <<<"$out" | head -n 1)
[ -n "$agent" ] || fail_test "no agent among: $out"
"$MSB" exec box -- sh -c 'touch /root/on; sleep 60' >"$T/running" 2>&1 &
command=$!
eventually 10 msb exec box -- test -e /root/on
start=$SECONDS
run msb exec box -- sh -c "kill -9 $agent"
[ "$code" -ne 0 ] || fail_test "the command that killed its agent ended well"
code=0
wait "$command" || code=$?
[ "$code" -ne 0 ] || fail_test "the running command ended well"
[ $((SECONDS - start)) -le 15 ] || fail_test "the clients learned it after $((SECONDS - start)) s"
eventually 45 sh -c '"$0" inspect box --format json | grep -q AgentUnresponsive' "$MSB"
run_ok msb start -q box
run_ok msb exec box -- echo again
assert_eq "$out" again
run_ok msb rm -q -f box
no_leftovers
