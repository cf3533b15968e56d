#!/usr/bin/env bash
# The package's own `msb` is used under Bun as under Node, with nothing of the build tree in reach;
# a user's MSB_PATH wins, also when it is wrong, and also where Bun does not hand process.env on to native code.
# ctest: timeout=200
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/node_sdk.sh"

node_application "$T/app"
cd "$T/app"
package=$T/app/node_modules/microsandbox
if grep -rl -- "$SOURCE_DIR" "$package"; then fail_test "the package names the source tree"; fi
[ -z "$(find "$package" -type l)" ] || fail_test "links in the package"

# Says which file the sandbox's runtime executes, as device:inode, while the sandbox runs.
cat >which.mjs <<'JS'
import { Sandbox } from "microsandbox";
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";

if (process.argv[2]) process.env.MSB_PATH = process.argv[2];
await using box = await Sandbox.builder("which").replaceWithTimeout(0).create();
if ((await box.exec("echo", ["hello"])).stdout() !== "hello\n") throw new Error("no hello");
const [list, ...options] = process.env.LIST.split(" ");
for (const line of execFileSync(list, options, { encoding: "utf8" }).split("\n")) {
  const [pid, name] = line.split(" ");
  if (name !== "runtime") continue;
  const { dev, ino } = statSync(`/proc/${pid}/exe`);
  console.log(`${dev}:${ino}`);
}
JS
# Neither engine has `await using` yet; tsc makes what they understand of it.
node "$NODE_MODULES/typescript/bin/tsc" which.mjs --allowJs --target es2022 --module nodenext --outDir out \
    --typeRoots "$NODE_MODULES/@types" --types node --noCheck

# which_runtime [NAME=VALUE...] ENGINE [MSB_PATH set by the program itself]
which_runtime() {
    run env -i PATH=/usr/bin:/bin HOME="$T" MSB_HOME="$MSB_HOME" \
        LIST="$MSB_BUILD/tools/supervise --list $MSB_TEST_SUPERVISOR $$" "$@"
}
file_of() { stat -c %d:%i "$1/libexec/microsandbox/runtime"; }

# A second installation, for a user's MSB_PATH.
cp -r "$package/bundle" "$T/other"

for engine in "$(command -v node)" "$BUN"; do
    which_runtime "$engine" out/which.mjs
    [ "$code" -eq 0 ] || { show; fail_test "$engine with the bundle"; }
    assert_eq "$out" "$(file_of "$package/bundle")" "the runtime under $engine"

    which_runtime MSB_PATH="$T/other/bin/msb" "$engine" out/which.mjs
    assert_eq "$code $out" "0 $(file_of "$T/other")" "the runtime with MSB_PATH under $engine"
    which_runtime "$engine" out/which.mjs "$T/other/bin/msb"
    assert_eq "$code $out" "0 $(file_of "$T/other")" "the runtime with process.env.MSB_PATH under $engine"

    # So does a home that the program itself chooses.
    run_ok env -i PATH=/usr/bin:/bin HOME="$T" MSB_HOME="$MSB_HOME" "$engine" --input-type=module -e '
        import { AgentClient } from "microsandbox";
        AgentClient.socketPath("x");
        process.env.MSB_HOME = "/elsewhere";
        console.log(AgentClient.socketPath("x"));'
    assert_contains "$out" /elsewhere/run "the socket's path under $engine"

    which_runtime MSB_PATH="$T/nowhere/msb" "$engine" out/which.mjs
    [ "$code" -ne 0 ] || fail_test "a wrong MSB_PATH was ignored under $engine"
    assert_contains "$err" "MSB_PATH names no file: $T/nowhere/msb"
    which_runtime "$engine" out/which.mjs "$T/nowhere/msb"
    [ "$code" -ne 0 ] || fail_test "a wrong process.env.MSB_PATH was ignored under $engine"
    assert_contains "$err" "$T/nowhere/msb"

    # A package that is not complete says so, and takes nothing in its place.
    for part in bin/msb lib/libmicrosandbox.so; do
        mv "$package/bundle/$part" "$T/away"
        which_runtime "$engine" out/which.mjs
        [ "$code" -ne 0 ] || fail_test "$engine works without $part"
        assert_contains "$err" "$package/bundle/$part"
        mv "$T/away" "$package/bundle/$part"
    done
done

# The command comes with it.
run_ok env -i PATH=/usr/bin:/bin HOME="$T" MSB_HOME="$MSB_HOME" node_modules/.bin/msb run -q -- echo command
assert_eq "$out" command
no_leftovers
