#!/usr/bin/env bash
# Hints follow stage and errno. Published ports of the host do not exist in this build yet; that their stage
# gets the right hint is asserted by the unit test.
. "$(dirname "$0")/../lib.sh"
need_kernel

# mount + ENOENT, mount + EACCES.
run_fail 1 '→ .*host path.*does not exist' msb run -v /does/not/exist:/x -- true
mkdir "$T/closed"
chmod 000 "$T/closed"
run_fail 1 '→ .*host path.*not readable' msb run -v "$T/closed:/x" -- true
assert_match "$err" '→ mount: .*Permission denied'
chmod 700 "$T/closed"

# image + ENOENT: a piece of the image is gone from the cache.
run_ok msb create -q -n box
run_ok msb stop -q box
data=$(find "$MSB_HOME/cache/blobs" -name '*.data' | head -n 1)
mv "$data" "$T/data"
run_fail 1 'failed to start "box"' msb start box
assert_match "$err" '→ image: '
assert_match "$err" '→ .*(load or pull|pull it first)'
assert_match "$(cat "$MSB_HOME/sandboxes/box/logs/boot-error.json")" '"stage": "image"'
mv "$T/data" "$data"
run_ok msb start -q box
run_ok msb rm -q -f box

[ -x "$MSB_BUILD/tests/sandbox_test" ] || skip "unit tests were not built"
run_ok "$MSB_BUILD/tests/sandbox_test" --gtest_filter='SandboxTest.BootErrors*'
assert_contains "$out" "OK ] SandboxTest.BootErrorsHaveTheStageOfTheirStepAndItsHint"
no_leftovers
