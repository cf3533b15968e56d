#!/usr/bin/env bash
# Commands from Go: collected and streamed, with input, signals and a terminal.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
go_tests TestExec TestDefaultCommand TestStreams
no_leftovers
