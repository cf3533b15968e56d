#!/usr/bin/env bash
# Each language makes, opens, lists, verifies, sends, takes in and removes snapshots, and begins sandboxes with them, with
# an error of its own for each thing that can be wrong.
# ctest: timeout=500
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
. "$TESTS_DIR/surfaces.sh"
need_kernel

surface C++ cpp_test
surface Python python_tests test_snapshots
surface Go go_tests TestSnapshots
surface Rust rust_tests snapshots
surface TypeScript node_tests snapshots
no_leftovers
all_surfaces
