#!/usr/bin/env bash
# The packages of a release, each installed into an empty directory as its language does it, find an installed msb by
# PATH alone. (Go's is S1-01; npm's is what the tests of the TypeScript SDK install.)
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/rust_sdk.sh"
need_kernel
need python3

DESTDIR=$T/dest cmake --install "$MSB_BUILD" --prefix /opt --strip >"$T/install.log"
mkdir -p "$T/user/bin"
ln -s "$T/dest/opt/bin/msb" "$T/user/bin/msb"
"$SOURCE_DIR/scripts/sdk_packages.py" 0.1.0 "$T/packages"
SOURCE_DATE_EPOCH=0 "$SOURCE_DIR/scripts/sdk_packages.py" 0.1.0 "$T/again"
diff -r "$T/packages" "$T/again"

# used NAME COMMAND...: it runs a sandbox with the msb in PATH, and does not with none.
used() {
    run_ok env -u MICROSANDBOX_LIBRARY PATH="$T/user/bin:/usr/bin:/bin" "${@:2}"
    assert_eq "$out" "hello from $1"
    run_fail any 'libmicrosandbox.so' env -u MICROSANDBOX_LIBRARY PATH=/usr/bin:/bin "${@:2}"
}

# Python
python3 -m venv "$T/venv" 2>"$T/log" || skip "python3 -m venv does not work here: $(tail -n 1 "$T/log")"
run_ok "$T/venv/bin/pip" install -q --no-index --disable-pip-version-check "$T"/packages/*.whl
cd "$T"
cat >program.py <<'PY'
import asyncio
from microsandbox import Sandbox

async def main():
    async with await Sandbox.create("python-package", ephemeral=True) as sandbox:
        output = await sandbox.exec("echo", ["hello from python"])
        print(output.stdout_text, end="")

asyncio.run(main())
PY
used python "$T/venv/bin/python" program.py
run_ok "$T/venv/bin/pip" show -f --disable-pip-version-check microsandbox
assert_contains "$out" "microsandbox/py.typed"

# Rust, from a registry in a directory: that of the crates it needs, with ours.
rust_crates
mkdir "$T/registry" "$T/crate"
cp -r "$(sed -n 's/^directory = "\(.*\)"/\1/p' "$MSB_BUILD/sdk/rust/home/config.toml")"/. "$T/registry"
tar -xzf "$T"/packages/*.crate -C "$T/registry"
echo '{"files": {}, "package": "'"$(sha256sum <"$T/packages/microsandbox-0.1.0.crate" | cut -d' ' -f1)"'"}' \
    >"$T/registry/microsandbox-0.1.0/.cargo-checksum.json"
mkdir "$T/crate/.cargo"
printf '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "%s"\n' "$T/registry" >"$T/crate/.cargo/config.toml"
cd "$T/crate"
cargo_here() { limited 240 env CARGO_HOME="$T/cargo" CARGO_NET_OFFLINE=true CARGO_PROFILE_DEV_DEBUG=0 cargo "$@" >"$T/log" 2>&1 || { cat "$T/log" >&2; fail_test "cargo $*"; }; }
cargo_here init --quiet --vcs none --name program .
cargo_here add --quiet --offline microsandbox@0.1.0
cat >src/main.rs <<'RS'
use microsandbox::Sandbox;

fn main() {
    let sandbox = Sandbox::builder("rust-package").ephemeral(true).create().wait().unwrap();
    let output = sandbox.exec("echo", ["hello from rust"]).wait().unwrap();
    print!("{}", output.stdout().unwrap());
    sandbox.stop().wait().unwrap();
}
RS
cargo_here build --quiet --offline
used rust target/debug/program
no_leftovers
