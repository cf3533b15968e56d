#!/usr/bin/env bash
# The Go package loads the library when it is used first; one that is missing or does not fit is a typed error.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
go_tests TestLibraryThatIsNotThere TestLibraryThatLacksAFunction
no_leftovers
