#!/usr/bin/env bash
# --integrity records a hash of the disk, which verify computes again; without it there is nothing to verify (S1-29).
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box

msb snapshot create -q plain --from box >"$T/digest"
run_ok msb snapshot verify plain
assert_contains "$out" "$(cat "$T/digest")"
assert_match "$out" '^Verification: *not recorded$'
msb snapshot create -q sealed --from box --integrity >"$T/digest"
run_ok msb snapshot verify sealed
assert_match "$out" 'verified \(msb-file-merkle-sha256-v1 [0-9a-f]{64}\)'
disk=$MSB_HOME/snapshots/sealed/upper.ext4
chmod u+w "$disk"
printf x | dd of="$disk" bs=1 seek=1000000000 conv=notrunc status=none
run_fail 1 "snapshot integrity check failed" msb snapshot verify sealed
run_fail 1 "snapshot integrity check failed" msb snapshot open sealed --verify
printf '\0' | dd of="$disk" bs=1 seek=1000000000 conv=notrunc status=none
run_ok msb snapshot verify sealed
msb rm -q -f box
no_leftovers
