#!/usr/bin/env bash
# A disk of 4 GiB that holds little takes little; open reads nothing of it, but sees that it is all there (S1-21).
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box

run_ok msb snapshot create one --from box
disk=$MSB_HOME/snapshots/one/upper.ext4
assert_eq "$(stat -c %s "$disk")" $((4 << 30)) "size"
[ "$(du -m "$disk" | cut -f1)" -lt 100 ] || fail_test "it takes $(du -m "$disk")"
run_ok msb snapshot open one
assert_match "$out" '^  Upper Size: *4 GiB$'
chmod u+w "$disk"
truncate -s -1 "$disk"
run_fail 1 "damaged: 'upper.ext4' is not a file of 4294967296 bytes" msb snapshot open one
rm -f "$disk"
run_fail 1 "is damaged" msb snapshot open one
ln -s /dev/zero "$disk"
run_fail 1 "is damaged" msb snapshot open one
run_ok msb snapshot ls
assert_contains "$err" "is damaged"
run_fail 1 "is damaged" msb snapshot rm one
run_ok msb snapshot rm -f one
assert_no_path "$MSB_HOME/snapshots/one"
msb rm -q -f box
no_leftovers
