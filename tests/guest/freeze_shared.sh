#!/usr/bin/env bash
# Where files can share blocks (XFS here), a sandbox that runs is snapshotted and forked without being asked for, and stands still
# for milliseconds however much its disk holds.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel
need_root
need mkfs.xfs

truncate -s 4G "$T/xfs"
mkfs.xfs -q -m reflink=1 "$T/xfs"
mkdir "$T/place"
mount -o loop "$T/xfs" "$T/place" 2>/dev/null || skip "this kernel cannot mount XFS"
trap 'umount "$T/place"; finish' EXIT
export MSB_HOME=$T/place/home

msb create -q -n box
msb exec box -- sh -c 'dd if=/dev/urandom of=/data bs=1M count=500 2>/dev/null; sha256sum /data >/sum; sync'
# Each line is the time at which a write had come through: the longest gap is how long it stood still.
msb exec box -d -- sh -c 'while :; do cut -d" " -f1 /proc/uptime; usleep 5000 2>/dev/null; done >>/ticks'
used=$(df --output=used -m "$T/place" | tail -n 1)
begin=${EPOCHREALTIME/./}
run_ok msb snapshot create one --from box
echo "snapshot of a running sandbox with 500 MiB: $(((${EPOCHREALTIME/./} - begin) / 1000)) ms"
[ $(($(df --output=used -m "$T/place" | tail -n 1) - used)) -lt 100 ] || fail_test "blocks are not shared"
run_ok msb fork box a b
for name in a b; do
    assert_eq "$(msb exec $name -- sh -c 'sha256sum -c /sum')" "/data: OK"
done
run_ok msb run -q --from one -- sha256sum -c /sum
gap=$(msb exec box -- cat /ticks | awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { printf "%d", most * 1000 }')
echo "longest time without a write: $gap ms"
[ "$gap" -lt 1000 ] || fail_test "the guest stood still for $gap ms"
msb rm -q -f box a b
no_leftovers
