#!/usr/bin/env bash
# The Rust crate: clean, documented, usable by a program that is built without the library, and
# its tests against real sandboxes.
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/rust_sdk.sh"
need cargo cc
need_kernel

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
