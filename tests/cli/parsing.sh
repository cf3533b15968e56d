#!/usr/bin/env bash
# The command line itself: "--" ends the options of every command, and a misspelled word gets a suggestion.
. "$(dirname "$0")/../lib.sh"

# Words behind "--" are taken as they are; each command says something of its own about them.
run_fail 1 'path in a sandbox must be absolute|sandbox not found: box' msb cp -q -- -n box:/root/
run_fail 1 'alphanumeric' msb rm -f -- -n
run_fail 1 'alphanumeric' msb stop -- --force
run_fail 1 'sandbox not found: box' msb logs -- box
run_fail 1 'sandbox not found: box' msb inspect -- box
run_fail 1 'alphanumeric.*-f' msb logs -- -f
run_fail 2 'not expected: -q' msb ls -- -q
run_fail 2 'not expected: --help' msb image ls -- --help
run_fail 2 '--timeout: 1 required' msb stop -t -- box
run_fail 2 'not expected: ls' msb -- ls

run_fail 2 "did you mean 'run'\?" msb rn
run_fail 2 "did you mean 'snapshot'\?" msb snapsho ls
run_fail 2 "did you mean '--cpus'\?" msb run --cpu 2
run_fail 2 "did you mean '--debug'\?" msb ls --debg
run_fail 2 "did you mean 'madvise'\?" msb run --thp madvice
run_fail 2 "did you mean 'inspect'\?" msb image inspct x
run_fail 1 "did you mean 'public'\?" msb run --net pubic -- true
run_fail 2 'see `msb --help`' msb frobnicate
assert_not_contains "$err" 'did you mean'

# Options and variables of other commands have no effect.
export MSB_ENGINE=none-such
run_ok msb ls
run_fail 2 '--engine' msb run -- true
unset MSB_ENGINE

need_kernel
run_ok msb create -q -n worker
run_fail 1 "did you mean 'worker'\?" msb exec wroker -- true
run_fail 1 "did you mean 'worker'\?" msb stop workr
echo dashes >"$T/-n"
(cd "$T" && run_ok msb cp -q -- -n worker:/root/)
run_ok msb exec worker -- cat /root/-n
assert_eq "$out" dashes "what was copied"
run_ok msb rm -q -f -- worker
no_leftovers
