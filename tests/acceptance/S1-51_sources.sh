#!/usr/bin/env bash
# --source: stdout, stderr, output, system, all; repeated or with commas; the default leaves out system.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q --log-level info -n box
run_ok msb exec box -- sh -c 'echo o; echo e >&2'
run_ok msb exec -t box -- sh -c 'printf "t\n"'
run_ok msb logs box
assert_eq "$(printf '%s\n' "$out" | sort | tr -d '\r' | tr '\n' ' ')" "e o t "
run_ok msb logs box --source stdout
assert_eq "$out" o
run_ok msb logs box --source stdout,stderr
assert_eq "$(printf '%s\n' "$out" | sort | tr '\n' ' ')" "e o "
run_ok msb logs box --source stderr --source output
assert_eq "$(printf '%s\n' "$out" | sort | tr -d '\r' | tr '\n' ' ')" "e t "
run_ok msb exec box -- sh -c 'echo on-the-console >/dev/console'
for source in system all stdout,all; do
    eventually 5 sh -c '"$0" logs box --source "$1" | grep -q on-the-console' "$MSB" "$source"
    run_ok msb logs box --source "$source"
    assert_contains "$out" "--- sandbox started ---"
    assert_contains "$out" "is ready" "runtime.log"
done
assert_contains "$out" o
run_ok msb logs box --source system --json
assert_not_contains "$out" '"s":"stdout"'
assert_not_contains "$out" '"id"'
run_fail 2 'source' msb logs box --source everything
run_ok msb rm -q -f box
no_leftovers
