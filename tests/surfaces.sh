# For tests of one thing in each language, after lib.sh and the files of the languages.
# shellcheck shell=bash

missing_surfaces=

# surface LANGUAGE COMMAND...: its test, which may say that it cannot run.
surface() {
    local code=0
    ("${@:2}") || code=$?
    case $code in
    0) echo "$1: ok" ;;
    77) missing_surfaces="$missing_surfaces $1" ;;
    *) fail_test "the test of $1" ;;
    esac
}

# all_surfaces: ends the test, as skipped if a language had no tool chain.
all_surfaces() {
    [ -z "$missing_surfaces" ] || skip "no tool chain for:$missing_surfaces"
}

# cpp_test: tests/sdk/cpp.cpp, built as a user builds.
cpp_test() {
    need c++
    c++ -std=c++20 -O0 -I"$SOURCE_DIR/include" -o "$T/cpp" "$TESTS_DIR/sdk/cpp.cpp" -L"$MSB_BUILD/lib" -lmicrosandbox -pthread
    run_ok env -C "$T" LD_LIBRARY_PATH="$MSB_BUILD/lib" MSB_HOME="$T/cpp-home" "$T/cpp"
    assert_eq "${out:-}" ok
}
