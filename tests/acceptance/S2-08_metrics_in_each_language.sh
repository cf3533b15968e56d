#!/usr/bin/env bash
# Each language has a sandbox's metrics, those of all, and a stream of them that ends with the run; errors of their own for "not yet" and
# for "never".
# ctest: timeout=500
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
. "$TESTS_DIR/surfaces.sh"
need_kernel

surface C++ cpp_test
surface Python python_tests test_metrics
surface Go go_tests TestMetrics
surface Rust rust_tests metrics
surface TypeScript node_tests metrics
no_leftovers
all_surfaces
