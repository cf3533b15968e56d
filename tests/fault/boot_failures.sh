#!/usr/bin/env bash
# Guests that cannot boot or die: a typed error with its stage at once, never a time-out.
. "$(dirname "$0")/../lib.sh"
need_kernel

# Too little memory: refused, with the least that works.
run_fail 1 'memory' msb run -q -m 8M -- true

# A failure inside the guest: its stage arrives at once, is kept, and is shown again by logs.
begin=$EPOCHREALTIME
run_fail 1 'failed to start "odd"' msb create -q -n odd -u nobody-here
assert_contains "$err" "guest user not found: nobody-here"
assert_contains "$err" "msb logs --source system odd"
assert_prompt "$begin" "the boot failure"
run_ok msb ls --format json
assert_contains "$out" '"status": "Stopped"'
assert_path "$MSB_HOME/sandboxes/odd/logs/boot-error.json"
run_ok msb logs odd
assert_contains "$err" 'failed to start "odd"'
# The name is free: what never ran gives way to the next of its name, whoever makes it.
run_ok msb create -q -n odd
run_fail 1 'already exists' msb create -q -n odd
run_ok msb rm -q -f odd
run_fail 1 'failed to start "odd"' msb create -q -n odd -v /does/not/exist:/x
run_ok msb run -q -n odd -- echo mended
assert_eq "$out" mended
run_ok msb rm -q odd

# The least memory: it boots, or a stage says why not, within seconds.
begin=$EPOCHREALTIME
run msb create -q -m 32M -n tiny
[ "$code" -eq 0 ] || assert_match "$err" '→ (build_vm|mount|config|other): '
assert_prompt "$begin" "a tiny guest"
run_ok msb rm -q -f tiny

# A file of the cached image that is damaged, but mounts: the guest is told EIO or runs garbage; the
# sandbox is never lost, and boots again when the file is whole.
run_ok msb create -q -n worn
run_ok msb stop -q worn
data=$(find "$MSB_HOME/cache/blobs" -name '*.data' | head -n 1)
cp "$data" "$T/data"
dd if=/dev/urandom of="$data" bs=4096 count=64 conv=notrunc status=none
begin=$EPOCHREALTIME
run msb start worn
if [ "$code" -eq 0 ]; then run msb exec worn -- true; else assert_match "$err" 'failed to start "worn"'; fi
assert_prompt "$begin" "a damaged image"
run_ok msb stop -q worn
cp "$T/data" "$data"
run_ok msb start -q worn
run_ok msb exec worn -- true
run_ok msb rm -q -f worn

# More than the engine can be.
run_fail 1 'cpu|memory|unsupported|limit' msb run -q -c 255 -- true
run_fail 1 'memory' msb run -q -m 60000G -- true
run_fail 1 'hardware isolation' msb run -q --require-isolation hardware -- true
run_fail 1 'kvm|hardware' msb run -q --engine kvm -- true

# The guest's kernel panics while a command runs.
run_ok msb create -q -m 128M -n doomed
"$MSB" exec doomed -- sleep 60 >"$T/exec" 2>&1 &
cli=$!
run msb exec doomed -- sh -c 'echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero'
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
