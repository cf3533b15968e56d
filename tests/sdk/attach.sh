#!/usr/bin/env bash
# A command with the program's own terminal, from each package: a shell, the window's size, an end, detach keys.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
need_kernel
export MICROSANDBOX_LIBRARY=$MSB_BUILD/lib/libmicrosandbox.so

# attaches PROGRAM: the same of each; PROGRAM takes the sandbox's name and a command.
attaches() {
    run_ok msb create -q -n box
    local got
    got=$(on_terminal "$1 box" '# ' 'stty size; exit 7\n')
    assert_contains "$got" "33 77"
    assert_contains "$got" "exit code 7"
    # The terminal is as it was, and ^C is a key for the command.
    got=$(on_terminal "$1 box sh -c 'echo be\"\"gun; exec sleep 100'; stty" begun '\003')
    assert_contains "$got" "exit code 130"
    assert_not_contains "$got" "-icanon"
    got=$(on_terminal "$1 box cat" '' 'li""ne\n' 'li""ne' '\001d')
    assert_contains "$got" "exit code -1"
    run_ok msb sessions box
    assert_contains "$out" "cat"
    # The window's size is followed.
    got=$(on_terminal "(sleep 1; stty rows 40 cols 100 </dev/tty) & $1 box sh -c 'until [ \"\$(stty size)\" = \"40 100\" ]; do sleep 0.1; done; echo fol\"\"lowed'")
    assert_contains "$got" followed
    run_fail 1 "stdin is no terminal" sh -c "$1 box true </dev/null"
    got=$(on_terminal "$1 box /no/such")
    assert_contains "$got" "attach: "
    assert_contains "$got" "code=1"
    run_ok msb rm -qf box
}

if command -v go >/dev/null; then
    (cd "$GO_SDK" && go_command build -o "$T/go-attach" ./examples/attach)
    attaches "$T/go-attach"
fi
if command -v cargo >/dev/null; then
    cargo_command build --quiet --locked --manifest-path "$RUST_SDK/Cargo.toml" --example attach
    attaches "$MSB_BUILD/sdk/rust/target/debug/examples/attach"
fi
attaches "env PYTHONPATH=$SOURCE_DIR/sdk/python/src python3 -B $SOURCE_DIR/sdk/python/examples/attach.py"
if command -v npm >/dev/null; then
    node_application "$T/app"
    cp "$TYPESCRIPT/examples/attach.mjs" "$T/app"
    attaches "node $T/app/attach.mjs"
fi
no_leftovers
