#!/usr/bin/env bash
# A Go context that ends ends the call, and leaves the sandbox usable.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
go_tests TestCancelledCalls
no_leftovers
