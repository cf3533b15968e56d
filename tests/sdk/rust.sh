#!/usr/bin/env bash
# The Rust crate: as the header has it, clean, usable by a program that is built without the library, and
# its tests against real sandboxes.
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/rust_sdk.sh"
need cargo cc
need_kernel

# It declares the functions that it loads as the header does.
{
    echo '#include "microsandbox/microsandbox.h"'
    sed -n '/^functions! {/,/^}/p' "$RUST_SDK/src/native.rs" | grep ';$' | sed -E '
        s/Out<\*mut c_char>/char **/g; s/Out<\*mut u8>/uint8_t **/g; s/Out<usize>/size_t */g; s/Out<u64>/uint64_t */g
        s/\*mut c_char/char */g; s/\*mut u8/uint8_t */g; s/\*const u8/const uint8_t */g
        s/\bStr\b/const char */g; s/\bFailure\b/char */; s/\busize\b/size_t/g
        s/\bu(16|32|64)\b/uint\1_t/g; s/\bi(32|64)\b/int\1_t/g; s/\(\)/(void)/; s/^ *(\w+)(\(.*\))( -> (.*))?;$/\1;\2;\4/' |
        while IFS=';' read -r name parameters result; do
            echo "_Static_assert(__builtin_types_compatible_p(__typeof__(msb_$name), ${result:-void} $parameters), \"$name\");"
        done
    sed -n 's/^const ABI_VERSION: u32 = \(.*\);/_Static_assert(MSB_ABI_VERSION == \1, "version");/p' "$RUST_SDK/src/native.rs"
} >"$T/same.c"
[ "$(grep -c Static_assert "$T/same.c")" -gt 40 ] || fail_test "the functions of native.rs were not found"
run_ok cc -fsyntax-only -I "$SOURCE_DIR/include" "$T/same.c"

cd "$RUST_SDK"
if command -v rustfmt >/dev/null; then run_ok cargo_command fmt --check; fi
if cargo_command clippy --version >/dev/null 2>&1; then
    run_ok cargo_command clippy --quiet --locked --all-targets -- -D warnings
fi

# A user's program.
mkdir -p "$T/program/src"
cd "$T/program"
cat >Cargo.toml <<TOML
[package]
name = "program"
version = "0.1.0"
edition = "2021"

[dependencies]
microsandbox = { path = "$RUST_SDK" }
TOML
cat >src/main.rs <<'RUST'
use microsandbox::{MicrosandboxResult, Sandbox};

fn main() -> MicrosandboxResult<()> {
    let sandbox = Sandbox::builder("rust-program").ephemeral(true).create().wait()?;
    print!("{}", sandbox.exec("echo", ["hello"]).wait()?.stdout()?);
    sandbox.close().wait()
}
RUST
run_ok cargo_command build --quiet
program=$MSB_BUILD/sdk/rust/target/debug/program
run_ok ldd "$program"
assert_not_contains "$out" microsandbox
run_ok env PATH="$MSB_BUILD/bin:$PATH" MICROSANDBOX_LIBRARY= "$program"
assert_eq "$out" hello
run_fail 1 'LibraryNotLoaded.*/nowhere.so' env MICROSANDBOX_LIBRARY=/nowhere.so "$program"
no_leftovers

init_image init:latest
busybox_image "$T/image.tar"
export MSB_TEST_INIT_IMAGE=init:latest MSB_TEST_IMAGE=$T/image.tar
rust_tests
no_leftovers
