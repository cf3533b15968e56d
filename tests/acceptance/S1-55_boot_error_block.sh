#!/usr/bin/env bash
# A failed start prints a block with stage, message, hint and where to look; `msb logs` prints it again.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb stop -q box
mv "$MSB_HOME/sandboxes/box/upper.ext4" "$T/upper"
run_fail 1 'error: failed to start "box"' msb start box
block=$err
assert_eq "$(printf '%s\n' "$block" | head -n 1)" 'error: failed to start "box"'
assert_match "$block" '^  → mount: .*upper\.ext4'
assert_match "$block" '^  → the sandbox.s own disk cannot be used'
assert_eq "$(printf '%s\n' "$block" | tail -n 1)" \
    "  → run \`msb logs --source system box\` for full diagnostics"

run_ok msb inspect box --format json
assert_match "$out" '"reason": "Failed"'
run_ok msb logs box
assert_eq "$err" "$block"
run_ok msb logs --json box
assert_match "$(printf '%s\n' "$out" | head -n 1)" '"stage\\": \\"mount\\".*"s":"boot-error"'
run_fail 1 'failed to start "box"' msb restart box
run_fail 1 'failed to start "box"' msb exec box -- true
run_fail 1 'failed to start "box"' msb run -n box -- true
run_ok msb rm -q box
no_leftovers
