#!/usr/bin/env bash
# Go errors have kinds, and are found by errors.As. (Those of commands: S1-06.)
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
go_tests TestErrors TestReplace
no_leftovers
