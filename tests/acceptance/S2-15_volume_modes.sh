#!/usr/bin/env bash
# Modes existing, create (fails if there is one) and ensure-exists (made or used) of named volumes in each language.
# ctest: timeout=500
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
. "$TESTS_DIR/surfaces.sh"
need_kernel

surface C++ cpp_test
surface Python python_tests test_volumes
surface Go go_tests TestVolumes
surface Rust rust_tests volumes
surface TypeScript node_tests volumes
no_leftovers
all_surfaces
