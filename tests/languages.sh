# For tests that ask the same of each package, after lib.sh.
# shellcheck shell=bash

. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"

# surface LANGUAGE COMMAND...: its test, which may say that it cannot run: every_surface tells at the end.
missing=
surface() {
    local code=0
    ("${@:2}") || code=$?
    case $code in
    0) echo "$1: ok" ;;
    77) missing="$missing $1" ;;
    *) fail_test "$1" ;;
    esac
}
every_surface() {
    no_leftovers
    [ -z "$missing" ] || skip "no tool chain for:$missing"
}

# node_tests FILE [OPTION...]: these of the TypeScript package's tests, with options of `node --test`.
node_tests() {
    [ -d "$T/app" ] || node_application "$T/app"
    cp "$TYPESCRIPT/test/$1.test.ts" "$TYPESCRIPT/test/support.ts" "$T/app"
    cd "$T/app"
    printf '{"extends": "%s", "compilerOptions": {"rootDir": ".", "outDir": ".", "declaration": false, "typeRoots": ["%s"]}, "include": ["*.ts"], "exclude": []}' \
        "$TYPESCRIPT/tsconfig.json" "$NODE_MODULES/@types" >tsconfig.json
    run_ok node "$NODE_MODULES/typescript/bin/tsc" -p .
    run_ok limited 120 node --test "${@:2}" "./$1.test.js"
    assert_not_contains "$out" "# pass 0"
}

# cplusplus_test: that of the C++ header.
cplusplus_test() {
    need c++
    c++ -std=c++20 -O0 -I"$SOURCE_DIR/include" -o "$T/cpp" "$TESTS_DIR/sdk/cpp.cpp" -L"$MSB_BUILD/lib" -lmicrosandbox -pthread
    run_ok env -C "$T" LD_LIBRARY_PATH="$MSB_BUILD/lib" MSB_HOME="$T/cpp-home" "$T/cpp"
    assert_eq "$out" ok
}
