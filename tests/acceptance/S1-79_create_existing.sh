#!/usr/bin/env bash
# Creating over an existing name without --replace fails at once, running or stopped.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_fail 1 "sandbox 'box' already exists" msb create -q -n box
assert_contains "$err" "--replace"
run_ok msb kill -q box
run_fail 1 "sandbox 'box' already exists" msb create -q -n box
# --replace also works with a name that is free.
run_ok msb create -q -n other --replace
run_ok msb rm -q -f box other

# The library: typed, at once.
python_tests test_lifecycle.Lifecycle.test_already_exists
no_leftovers
