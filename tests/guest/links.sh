#!/usr/bin/env bash
# Two names of one file of an image stay one file when it is written to, by whichever name, and over a restart.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3 busybox

python3 "$(dirname "$0")/../odd_archives.py" "$T"
run_ok msb load -q -i "$T/links.tar"
run_ok msb create -q -n box links:1
run_ok msb exec box -- sh -c 'echo zz >/a/one; cat /a/two; stat -c %h /a/one; stat -c %i /a/one; stat -c %i /a/two'
assert_match "$out" $'^zz\n2\n'
assert_eq "$(sed -n 3p <<<"$out")" "$(sed -n 4p <<<"$out")" "one inode"
run_ok msb stop -q box
run_ok msb exec -q box -- sh -c 'echo yy >/a/two; cat /a/one; ln /a/one /a/three; stat -c %h /a/two; rm /a/one; cat /a/three'
assert_eq "$out" $'yy\n3\nyy'
run_ok msb rm -q -f box
no_leftovers
