#!/usr/bin/env bash
# Each language makes, opens, lists, verifies, sends, takes in and removes snapshots, and begins sandboxes with them, with
# an error of its own for each thing that can be wrong.
# ctest: timeout=500
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/languages.sh"
need_kernel

surface C++ cplusplus_test
surface Python python_tests test_snapshots
surface Go go_tests TestSnapshots
surface Rust rust_tests snapshots
surface TypeScript node_tests snapshots
every_surface
