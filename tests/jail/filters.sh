#!/usr/bin/env bash
# Calls that a role may make are refused with the arguments that would hurt.
. "$(dirname "$0")/../lib.sh"
run "$MSB_BUILD/tests/jail/filters"
echo "$out"
assert_eq "$code" 0 "exit code"
