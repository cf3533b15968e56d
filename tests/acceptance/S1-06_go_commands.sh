#!/usr/bin/env bash
# Commands from Go, collected, with input and limits. (Streamed ones, with signals and a terminal: S1-10.)
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
go_tests TestExec TestDefaultCommand
no_leftovers
