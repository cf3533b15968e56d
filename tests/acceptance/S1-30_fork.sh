#!/usr/bin/env bash
# A sandbox that begins with a snapshot has a disk of its own; the snapshot and its source stay as they are (S1-33).
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb exec box -- sh -c 'echo before >/file && sync'
msb stop -q box
msb snapshot create -q one --from box >/dev/null
sum=$(sha256sum <"$MSB_HOME/snapshots/one/upper.ext4")

run_ok msb run -q --from one -- sh -c 'cat /file; echo changed >/file'
assert_eq "$out" before
msb create -q -n a --from-snapshot "$MSB_HOME/snapshots/one" --root-disk 6G
msb create -q -n b --snapshot "$(msb snapshot ls -q)"
msb exec a -- sh -c 'echo a >>/file'
msb exec b -- sh -c 'echo b >>/file'
assert_eq "$(msb exec a -- cat /file)" "before
a"
assert_eq "$(msb exec b -- cat /file)" "before
b"
[ "$(msb exec a -- df -m / | awk 'END { print $(NF - 4) }')" -gt 5000 ] || fail_test "the disk did not grow: $(msb exec a -- df -m /)"
assert_eq "$(sha256sum <"$MSB_HOME/snapshots/one/upper.ext4")" "$sum" "the snapshot's disk"
msb start -q box
assert_eq "$(msb exec box -- cat /file)" before
run_fail 1 "cannot be smaller" msb create -q -n c --from one --root-disk 2G
run_fail 1 "snapshot not found" msb run -q --from none -- true
msb rm -q -f box a b
no_leftovers
