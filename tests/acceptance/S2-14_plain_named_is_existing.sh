#!/usr/bin/env bash
# A plain named volume of the packages has to be there: a missing one is an error of its own kind, in each language.
# ctest: timeout=500
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
. "$TESTS_DIR/surfaces.sh"
need_kernel

surface C++ cpp_test
surface Python python_tests test_volumes.Volumes.test_plain_named_has_to_be_there
surface Go go_tests TestVolumeHasToBeThere
surface Rust rust_tests volume_has_to_be_there
surface TypeScript node_tests volumes
no_leftovers
all_surfaces
