#!/usr/bin/env bash
# Guests that cannot boot or die: a typed error with its stage at once, never a time-out.
. "$(dirname "$0")/../lib.sh"
need_kernel

# Too little memory: refused, with the least that works.
run_fail 1 'memory' msb run -q -m 8M -- true

# A failure inside the guest: its stage arrives at once, is kept, and is shown again by logs.
start=$SECONDS
run_fail 1 'failed to start "odd"' msb create -q -n odd -u nobody-here
assert_contains "$err" "guest user not found: nobody-here"
assert_contains "$err" "msb logs --source system odd"
[ $((SECONDS - start)) -lt 10 ] || fail_test "the boot failure took $((SECONDS - start)) s"
run_ok msb ls --format json
assert_contains "$out" '"status": "Stopped"'
assert_path "$MSB_HOME/sandboxes/odd/logs/boot-error.json"
run_ok msb logs odd
assert_contains "$err" 'failed to start "odd"'
run_ok msb rm -q odd

# More than the engine can be.
run_fail 1 'cpu|memory|unsupported|limit' msb run -q -c 255 -- true
run_fail 1 'memory' msb run -q -m 60000G -- true
run_fail 1 'hardware isolation' msb run -q --require-isolation hardware -- true
run_fail 1 'kvm|hardware' msb run -q --engine kvm -- true

# The guest's kernel panics while a command runs.
run_ok msb create -q -n doomed
"$MSB" exec doomed -- sleep 60 >"$T/exec" 2>&1 &
cli=$!
run msb exec doomed -- sh -c 'echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero; sleep 30'
[ "$code" -ne 0 ] || fail_test "exec survived a panic"
code=0
wait "$cli" || code=$?
[ "$code" -ne 0 ] || fail_test "another exec survived a panic"
eventually 10 sh -c '"$0" ls --format json | grep -q -e Crashed -e Stopped' "$MSB"
run_ok msb start -q doomed
run_ok msb exec doomed -- echo again
assert_eq "$out" again

# The agent is process 1 of the guest: killing it is refused by the guest's kernel or ends the guest.
run msb exec doomed -- sh -c 'kill -9 1; sleep 1; echo alive'
run_ok msb rm -q -f doomed
no_leftovers
