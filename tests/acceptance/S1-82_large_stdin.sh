#!/usr/bin/env bash
# Stdin of any size arrives complete, also at a reader that is slow.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
head -c 1048576 /dev/urandom >"$T/mib"
assert_eq "$(msb exec box -- wc -c <"$T/mib")" 1048576 "bytes of 1 MiB"
assert_eq "$(msb run -q -- wc -c <"$T/mib")" 1048576 "bytes of 1 MiB through run"
head -c 20000000 /dev/urandom >"$T/large"
assert_eq "$(msb exec box -- sha256sum <"$T/large" | cut -c1-64)" "$(sha256sum <"$T/large" | cut -c1-64)"
# In order and complete through a reader that pauses now and then, from a pipe.
assert_eq "$(msb exec box -- sh -c 'for i in 1 2 3 4; do sleep 0.2; head -c 262144; done' <"$T/mib" |
    sha256sum)" "$(sha256sum <"$T/mib")"
# Unread input does not keep the command from ending.
assert_eq "$(msb exec box -- sh -c 'head -c 10 >/dev/null; echo done' <"$T/large")" "done"
run_ok msb kill -q box

# The library: collected and streaming.
python_tests test_commands.Exec.test_large_stdin
no_leftovers
