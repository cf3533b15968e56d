#!/usr/bin/env bash
# `msb logs` reads files: of a running sandbox, of one that does not answer, of a stopped one.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb exec box -- echo hello
run_ok msb logs box
assert_eq "$out" hello
runtime=$(test_processes | awk '$2 == "runtime" { print $1; exit }')
kill -STOP "$runtime"
run_ok msb logs box
kill -CONT "$runtime"
assert_eq "$out" hello
run_ok msb stop -q box
run_ok msb logs box
assert_eq "$out" hello

run_fail 1 'sandbox not found: nobody' msb logs nobody
run_ok msb rm -q box
assert_no_path "$MSB_HOME/sandboxes/box"
run_fail 1 'sandbox not found: box' msb logs box
no_leftovers
