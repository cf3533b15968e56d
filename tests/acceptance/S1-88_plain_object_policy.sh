#!/usr/bin/env bash
# ctest: timeout=300
# Node: a policy is a plain object, with groups in either spelling ("link-local", "link_local"); so is a rule and a
# destination.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/node_sdk.sh"
need_kernel
NODE_PATTERN='plain objects' node_tests network
no_leftovers
