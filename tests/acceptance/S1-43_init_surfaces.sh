#!/usr/bin/env bash
# Each language can hand process 1 over to an init: by path, by "auto", with arguments and environment.
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
need_kernel
init_image init:latest
export MSB_TEST_INIT_IMAGE=init:latest

# surface LANGUAGE COMMAND...: its test, which may say that it cannot run.
missing=
surface() {
    local code=0
    ("${@:2}") || code=$?
    case $code in
    0) echo "$1: ok" ;;
    77) missing="$missing $1" ;;
    *) fail_test "the init of $1" ;;
    esac
}

surface Go go_tests TestInit
surface Rust rust_tests init
surface Python python_tests test_boot.Boot.test_init_forms
surface TypeScript node_init_test init:latest
no_leftovers
[ -z "$missing" ] || skip "no tool chain for:$missing"
