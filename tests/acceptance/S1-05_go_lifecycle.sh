#!/usr/bin/env bash
# The life of a sandbox from Go.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
go_tests TestLifeOfAnAttachedSandbox TestStateIsKeptUntilRemove TestEndings TestList \
    TestSandboxesOfAProcessThatEnds
no_leftovers
