# For tests of the Rust SDK, after lib.sh.
# shellcheck shell=bash

RUST_SDK=$SOURCE_DIR/sdk/rust

# rust_crates: where builds take the crates of sdk/rust/Cargo.lock from: Debian's package, or what cargo fetched into
# the cache the first time. The versions are those of Debian 12; cargo compares the checksums.
rust_crates() {
    need cargo cc
    local crates=/usr/share/cargo/registry cache=${MSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/microsandbox}
    if [ ! -d "$crates/serde_json-1.0.87" ]; then
        crates=$cache/crates-$(sha256sum <"$RUST_SDK/Cargo.lock" | cut -c1-16)
    fi
    if [ ! -d "$crates" ]; then
        mkdir -p "$cache"
        CARGO_HOME=$T/cargo limited 120 cargo vendor --quiet --locked --manifest-path "$RUST_SDK/Cargo.toml" \
            "$T/crates" >/dev/null 2>"$T/.cargo" ||
            { tail -n 5 "$T/.cargo"; skip "there is no librust-serde-json-dev, and cargo cannot fetch what the Rust SDK needs"; }
        rm -rf "$T/cargo"
        cp -r "$T/crates" "$crates.$$"
        # Another test may have been faster.
        mv -T "$crates.$$" "$crates" 2>/dev/null || rm -rf "$crates.$$"
    fi
    mkdir -p "$MSB_BUILD/sdk/rust/home"
    printf '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "%s"\n' "$crates" >"$T/.config.toml"
    mv "$T/.config.toml" "$MSB_BUILD/sdk/rust/home/config.toml"
}

# cargo_command ARGUMENT...: cargo without the network, writing only below the build, for 240 s at most.
cargo_command() {
    [ -n "${RUST_CRATES:-}" ] || { rust_crates && RUST_CRATES=1; }
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
