# For tests of the Rust SDK, after lib.sh.
# shellcheck shell=bash

RUST_SDK=$SOURCE_DIR/sdk/rust

# cargo_command ARGUMENT...: cargo without the network, writing only below the build, for 240 s at most.
cargo_command() {
    limited 240 env CARGO_HOME="$MSB_BUILD/sdk/rust/home" CARGO_TARGET_DIR="$MSB_BUILD/sdk/rust/target" \
        CARGO_NET_OFFLINE=true CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 cargo "$@"
}

# rust_tests [NAME...]: the SDK's tests of these names, or all, against real sandboxes with the built library.
rust_tests() {
    need cargo cc
    need_kernel
    local name exact=()
    [ $# -eq 0 ] || exact=(--exact "$@")
    cargo_command test --quiet --locked --manifest-path "$RUST_SDK/Cargo.toml" --no-run
    MICROSANDBOX_LIBRARY=$MSB_BUILD/lib/libmicrosandbox.so \
        cargo_command test --locked --manifest-path "$RUST_SDK/Cargo.toml" -- "${exact[@]}" >"$T/.rust-tests" 2>&1 ||
        { cat "$T/.rust-tests" >&2; fail_test "the Rust SDK's tests: $*"; }
    for name; do
        grep -q "^test $name \.\.\. ok" "$T/.rust-tests" || fail_test "there is no Rust test $name"
    done
}
