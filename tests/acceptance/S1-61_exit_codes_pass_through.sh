#!/usr/bin/env bash
# A program that ran and exited non-zero is a normal result; its code is ours.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
for want in 0 1 2 125 126 127 128 255; do
    run msb exec box -- sh -c "exit $want"
    assert_eq "$code" "$want" "exit code"
    assert_eq "$err" "" "stderr"
done
run msb exec box -- sh -c 'kill -TERM $$'
assert_eq "$code" 143 "exit code of a command that a signal ended"
run_ok msb kill -q box

# The library: a result, no error.
python_tests test_commands.Exec.test_results
no_leftovers
