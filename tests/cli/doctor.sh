#!/bin/bash
# msb doctor says what was found and what will be used; exit code 1 when sandboxes cannot run.
. "$(dirname "$0")/../lib.sh"

run_ok msb doctor
grep -Eq '^info Platform: Linux x86_64' <<<"$out" || fail_test "no platform: $out"
grep -Fq "info MSB_HOME: $MSB_HOME" <<<"$out" || fail_test "no home: $out"
grep -Eq '^✓ jail ' <<<"$out" || fail_test "no jail: $out"
[ ! -e "$MSB_HOME" ] || fail_test "doctor created MSB_HOME"
text=$out
run_ok msb self doctor
[ "$(wc -l <<<"$out")" -eq "$(wc -l <<<"$text")" ] || fail_test "self doctor differs"

run_ok msb doctor --format json
printf '%s' "$out" >"$T/json"
[ "$(jq -r .healthy "$T/json")" = true ] || fail_test "unhealthy: $out"
[ "$(jq -r .home "$T/json")" = "$MSB_HOME" ] || fail_test "wrong home"
engine=$(jq -r .engine.kind "$T/json") isolation=$(jq -r .engine.isolation "$T/json")
case "$engine/$isolation" in uml/user-mode | kvm/hardware) ;; *) fail_test "engine $engine/$isolation" ;; esac
[ "$(jq '[.checks[] | select(.status != "ok") | select(has("hint") | not)] | length' "$T/json")" -eq 0 ] ||
    fail_test "advice without a hint"

# What doctor says is what happens: with user-mode isolation only, hardware isolation is refused and says why, and the
# first sandbox of a home says so once.
if [ "$isolation" = user-mode ]; then
    run_fail 1 'no hardware isolation: .*KVM' msb run --require-isolation hardware -- true
    run_fail 1 'KVM' msb run --engine kvm -- true
    run_ok msb run -- true
    grep -q 'warn: .*user mode.*msb doctor' <<<"$err" || fail_test "no notice: $err"
    run_ok msb run -- true
    [ -z "$err" ] || fail_test "said again: $err"
fi
run_fail 2 "" msb doctor --format xml
run_fail 2 'qemu' msb run --engine qemu -- true

# A home that cannot be written is a problem.
: >"$T/file"
MSB_HOME=$T/file/home run msb doctor
[ "$code" -eq 1 ] || fail_test "healthy with an impossible home"
grep -q '^error: home: ' <<<"$out" || fail_test "no error: $out"
grep -q '^✗ home ' <<<"$out" || fail_test "no mark: $out"
