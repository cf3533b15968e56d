#!/usr/bin/env bash
# Where the host cannot trap guest system calls by seccomp, guests run in ptrace mode: said once, shown
# by doctor, and forgotten as soon as it is over.
. "$(dirname "$0")/../lib.sh"
need_kernel
run_ok msb doctor
assert_match "$out" 'guest procs +seccomp mode'

without_sigsys() { "$MSB_BUILD/tests/jail/without_sigsys" "$@"; }
run_ok without_sigsys "$MSB" run -- echo slower
assert_eq "$out" slower
assert_contains "$err" 'guest processes run in ptrace mode'
run_ok without_sigsys "$MSB" run -- echo again
assert_not_contains "$err" 'ptrace mode'
run_ok without_sigsys "$MSB" doctor
assert_match "$out" 'guest procs +ptrace mode'
assert_contains "$out" 'SIGSYS cannot be handled'

# Restricted is ptrace mode anyway: nothing to say.
rm "$MSB_HOME/run/ptrace-notice"
run_ok without_sigsys "$MSB" run --security restricted -- echo kept
assert_not_contains "$err" 'ptrace mode'
run_ok msb run -- echo normal
assert_eq "$out" normal
assert_not_contains "$err" 'ptrace mode'
no_leftovers
