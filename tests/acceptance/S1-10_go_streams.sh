#!/usr/bin/env bash
# Streams of commands and of logs from Go, read entry by entry.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
go_tests TestStreams TestLogs
no_leftovers
