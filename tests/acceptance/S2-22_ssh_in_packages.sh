#!/usr/bin/env bash
# SSH in each package, by its names: a client's commands and files; a server that OpenSSH's ssh comes to through a program
# of the user's. The examples are the programs.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
. "$TESTS_DIR/ssh_client.sh"
need_kernel
export MICROSANDBOX_LIBRARY=$MSB_BUILD/lib/libmicrosandbox.so

run_ok msb create -q -n box

# serves_ssh PROGRAM: PROGRAM takes the sandbox's name, and "serve".
serves_ssh() {
    run_ok sh -c "$1 box"
    assert_match "$out" '^3 .*out\\n.* .*err\\n'
    assert_contains "$out" "b /tmp/d/b content"
    run_fail 4 "err" ssh -F "$SSH_CONFIG" -o "ProxyCommand=$1 box serve" box.msb 'cat; echo err >&2; exit 4' <<<typed
    assert_eq "$out" typed
    # Prepared without files.
    run_fail 255 "" sftp -F "$SSH_CONFIG" -o "ProxyCommand=$1 box serve" -b /dev/null box.msb
}

# No key may enter yet.
run_fail 1 "no key is authorized" env PYTHONPATH="$SOURCE_DIR/sdk/python/src" python3 -B "$SOURCE_DIR/sdk/python/examples/ssh.py" box serve

install_ssh_config
if command -v go >/dev/null; then
    (cd "$GO_SDK" && go_command build -o "$T/go-ssh" ./examples/ssh)
    serves_ssh "$T/go-ssh"
fi
if command -v cargo >/dev/null; then
    cargo_command build --quiet --locked --manifest-path "$RUST_SDK/Cargo.toml" --example ssh
    serves_ssh "$MSB_BUILD/sdk/rust/target/debug/examples/ssh"
fi
serves_ssh "env PYTHONPATH=$SOURCE_DIR/sdk/python/src python3 -B $SOURCE_DIR/sdk/python/examples/ssh.py"
if command -v npm >/dev/null; then
    node_application "$T/app"
    cp "$TYPESCRIPT/examples/ssh.mjs" "$T/app"
    serves_ssh "node $T/app/ssh.mjs"
fi
run_ok msb rm -qf box
no_leftovers
