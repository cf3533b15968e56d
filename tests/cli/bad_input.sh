#!/usr/bin/env bash
# Bad names, sizes, variables and options: a clear error, the right exit code, nothing left behind.
. "$(dirname "$0")/../lib.sh"

run_fail 2 'error: ' msb --no-such-flag
run_fail 2 'error: ' msb no-such-command
run_fail 2 '`--`' msb run image echo hi
run_fail 2 'msb exec NAME -- ls' msb exec box ls -l
run_fail 2 'msb run IMAGE -- ls' msb run image ls
run_fail 2 'msb create IMAGE -- ls' msb create image ls
run_fail 2 'msb kill --help' msb kill box --no-such
run_fail 2 'msb image ls --help|msb image list --help' msb image ls extra
run_fail 2 '--security' msb run --security strong -- true
run_fail 2 '--format' msb ls --format yaml
run_fail 2 'NAMES' msb stop
run_fail 1 'must start with an alphanumeric' msb run -n ../evil -- true
run_fail 1 'must start with an alphanumeric' msb create -n .hidden
run_fail 1 '1 to 128 bytes' msb create -n "$(printf 'a%.0s' $(seq 129))"
run_fail 1 'invalid size \(expected e.g. 512M, 1G\)' msb run -m lots -- true
run_fail 1 'invalid size' msb run -m 0 -- true
run_fail 1 'cpus must be greater than 0' msb run -c 0 -- true
run_fail 1 "environment variable 'NOT_SET_HERE' is not set: left out" msb run -e NOT_SET_HERE -w rel -- true
run_fail 1 "reserved prefix 'MSB_'" msb run -e MSB_X=1 -- true
run_fail 1 "reserved prefix 'sandbox.'" msb run --label sandbox.x=1 -- true
run_fail 1 'label key must not be empty' msb run --label =x -- true
run_fail 1 'workdir must be an absolute path: rel' msb run -w rel -- true
run_fail 1 'shell must be a path' msb run --shell '' -- true
run_fail 1 'not UTF-8' msb run --shell $'\xff' -- true
MSB_HOME=$T/$'h\xff' run_fail 1 'MSB_HOME is not UTF-8' msb run -- true
mkdir "$T/a,b:c d"
MSB_HOME="$T/a,b:c d" run_fail 1 'not found|not cached' msb run --pull never no-such-image -- true
run_fail 1 'hostname is too long: 70 bytes' msb run -H "$(printf 'h%.0s' $(seq 70))" -- true
run_fail 1 'invalid duration' msb run --timeout soon -- true
run_fail 1 "unknown rlimit resource 'bogus'" msb run --rlimit bogus=1 -- true
run_fail 1 'invalid pull policy: sometimes' msb run --pull sometimes -- true
run_fail 1 'not found|not cached' msb run --pull never no-such-image -- true
run_fail 1 'sandbox not found: missing' msb exec missing -- true
run_fail 1 'sandbox not found: missing' msb logs missing
run_fail 2 '--tail' msb logs missing --tail -1
run_fail 1 'sandbox not found: missing' msb rm missing
run_ok msb --version
assert_match "$out" '^msb [0-9]+\.[0-9]+\.[0-9]+$'
run_ok msb help
assert_contains "$out" Sandboxes
run_ok msb ls -q
assert_eq "$out" "" "sandboxes after bad input"
no_leftovers
