#!/usr/bin/env bash
# 127 for not_found, 126 for permission_denied and not_executable, 1 for the rest, and a
# block that says what, why and what to do.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_fail 127 '^error: failed to exec "nope"$' msb exec box -- nope
assert_match "$err" '^  → not_found: .*nope.*\(ENOENT\)$'
assert_match "$err" '^  → check the spelling'
run_fail 126 '^error: failed to exec "/etc/passwd"$' msb exec box -- /etc/passwd
assert_match "$err" '^  → permission_denied: .*\(EACCES\)$'
run_fail 126 'not_executable' msb exec box -- /etc
run_fail 1 'bad_cwd' msb exec box -w /no/such -- true
run_fail 1 'user_setup_failed' msb exec box -u nobody-here -- true
run_fail 127 'failed to exec "nope"' msb run -q -- nope
run_ok msb kill -q box
no_leftovers
