#!/usr/bin/env bash
# ctest: timeout=300
# Node: a policy is a plain object, with groups in either spelling ("link-local", "link_local"); so is a rule and a
# destination.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/languages.sh"
need_kernel
node_tests network --test-name-pattern='plain objects'
no_leftovers
