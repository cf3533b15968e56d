#!/usr/bin/env bash
# Files of the guest from Go.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
go_tests TestFiles
no_leftovers
