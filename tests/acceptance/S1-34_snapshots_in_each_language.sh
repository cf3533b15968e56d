#!/usr/bin/env bash
# Each language makes, opens, lists, verifies, sends, takes in and removes snapshots, and begins sandboxes with them, with
# an error of its own for each thing that can be wrong.
# ctest: timeout=500
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
need_kernel

# surface LANGUAGE COMMAND...: its test, which may say that it cannot run.
missing=
surface() {
    local code=0
    ("${@:2}") || code=$?
    case $code in
    0) echo "$1: ok" ;;
    77) missing="$missing $1" ;;
    *) fail_test "snapshots of $1" ;;
    esac
}

node_snapshots() {
    node_application "$T/app"
    cp "$TYPESCRIPT"/test/{snapshots.test,support}.ts "$T/app"
    cd "$T/app"
    printf '{"extends": "%s", "compilerOptions": {"rootDir": ".", "outDir": ".", "declaration": false, "typeRoots": ["%s"]}, "include": ["*.ts"], "exclude": []}' \
        "$TYPESCRIPT/tsconfig.json" "$NODE_MODULES/@types" >tsconfig.json
    run_ok node "$NODE_MODULES/typescript/bin/tsc" -p .
    run_ok limited 120 node --test ./snapshots.test.js
}

cplusplus() {
    need c++
    c++ -std=c++20 -O0 -I"$SOURCE_DIR/include" -o "$T/cpp" "$TESTS_DIR/sdk/cpp.cpp" -L"$MSB_BUILD/lib" -lmicrosandbox -pthread
    run_ok env -C "$T" LD_LIBRARY_PATH="$MSB_BUILD/lib" MSB_HOME="$T/cpp-home" "$T/cpp"
    assert_eq "$out" ok
}

surface C++ cplusplus
surface Python python_tests test_snapshots
surface Go go_tests TestSnapshots
surface Rust rust_tests snapshots
surface TypeScript node_snapshots
no_leftovers
[ -z "$missing" ] || skip "no tool chain for:$missing"
