#!/usr/bin/env bash
# A command runs in a new sandbox of the embedded image, offline, and nothing is left behind.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb run -- echo hi
assert_eq "$out" hi stdout

# The exit code is the command's; 127 and 126 for what cannot be started; 128+n for signals.
run_fail 7 '' msb run -q -- sh -c 'exit 7'
run_fail 127 'failed to exec "no-such-program"' msb run -q -- no-such-program
run_fail 126 'failed to exec "/etc/passwd"' msb run -q -- /etc/passwd
run_fail 137 '' msb run -q -- sh -c 'kill -9 $$'
run_fail 143 '' msb run -q -- sh -c 'kill -TERM $$'

# Streams stay apart and byte-exact.
run_ok msb run -q -- sh -c 'echo to-out; echo to-err >&2'
assert_eq "$out" to-out stdout
assert_contains "$err" to-err stderr
msb run -q -- head -c 300000 /dev/zero >"$T/zeros"
assert_eq "$(wc -c <"$T/zeros")" 300000 "bytes of binary output"

# Piped stdin reaches the command, of any size; an empty one is end of input.
assert_eq "$(echo from-stdin | msb run -q -- cat)" from-stdin "piped stdin"
head -c 3000000 /dev/urandom >"$T/random"
assert_eq "$(msb run -q -- sha256sum <"$T/random" | cut -c1-64)" \
    "$(sha256sum <"$T/random" | cut -c1-64)" "checksum of 3 MB of stdin"
assert_eq "$(msb run -q -- cat </dev/null)" "" "cat of no input"

# Output comes as it is written, not at the end.
"$MSB" run -q -- sh -c 'echo early; sleep 20' >"$T/early" &
cli=$!
eventually 15 grep -q early "$T/early"
kill -TERM "$cli"
code=0
wait "$cli" || code=$?
assert_eq "$code" 143 "exit code after SIGTERM"

run_ok msb ls --format json
assert_eq "$out" "[]" "list after throw-away runs"
no_leftovers
assert_eq "$(ls "$MSB_HOME/sandboxes")" "" "sandbox directories"
