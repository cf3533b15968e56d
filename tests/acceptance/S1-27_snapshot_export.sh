#!/usr/bin/env bash
# export writes a .tar.zst that is sparse and the same every time; --plain-tar, --with-parents, --with-image, --since.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel
need zstd tar

msb create -q -n box --root-disk 512M
msb exec box -- sh -c 'dd if=/dev/urandom of=/data bs=1M count=8 2>/dev/null; echo one >/file; sync'
msb stop -q box
base=$(msb snapshot create -q base --from box --label a=b)
msb create -q -n fork --from base
msb exec fork -- sh -c 'echo two >/file; rm /data; sync'
msb stop -q fork
child=$(msb snapshot create -q child --from fork)

run_ok msb snapshot export base -o "$T/base.tar.zst"
assert_eq "$out" "$T/base.tar.zst"
zstd -qt "$T/base.tar.zst" || fail_test "zstd does not like it"
[ "$(stat -c %s "$T/base.tar.zst")" -lt $((20 << 20)) ] || fail_test "it has $(stat -c %s "$T/base.tar.zst") bytes"
(cd "$T" && msb snapshot save base ./again.tar.zst -q)
cmp "$T/base.tar.zst" "$T/again.tar.zst" || fail_test "another time, other bytes"
# Also of a copy whose file system keeps other holes.
mkdir "$T/shelf" && cp -r --sparse=always "$MSB_HOME/snapshots/base" "$T/shelf/base"
chmod u+w "$T/shelf/base/upper.ext4"
dd if=/dev/zero of="$T/shelf/base/upper.ext4" bs=1M seek=300 count=40 conv=notrunc status=none
msb snapshot export "$T/shelf/base" -o "$T/copy.tar.zst" -q
cmp "$T/base.tar.zst" "$T/copy.tar.zst" || fail_test "the same snapshot elsewhere, other bytes"

# Any tar unpacks it into something that can be used.
mkdir "$T/unpacked" && zstd -dcq "$T/base.tar.zst" | tar -C "$T/unpacked" -xf -
run_ok msb snapshot open "$T/unpacked/snapshots/${base#sha256:}"
assert_contains "$out" "$base"
cmp "$T/unpacked/snapshots/${base#sha256:}/upper.ext4" "$MSB_HOME/snapshots/base/upper.ext4"

run_ok msb snapshot export base -o "$T/base.tar" --plain-tar
zstd -dcq "$T/base.tar.zst" | cmp - "$T/base.tar" || fail_test "uncompressed it is another archive"
[ "$(stat -c %s "$T/base.tar")" -lt $((40 << 20)) ] || fail_test "holes were written out"

members() { zstd -dcq "$1" | tar -tf - | sed "s/${base#sha256:}/BASE/; s/${child#sha256:}/CHILD/" | tr '\n' ' '; }
assert_eq "$(members "$T/base.tar.zst")" "archive.json snapshots/BASE/snapshot.json snapshots/BASE/upper.ext4 checksums.json "
msb snapshot export child -o "$T/family.tar.zst" --with-parents -q
assert_eq "$(members "$T/family.tar.zst")" "archive.json snapshots/BASE/snapshot.json snapshots/BASE/upper.ext4 snapshots/CHILD/snapshot.json snapshots/CHILD/upper.ext4 checksums.json "
msb snapshot export base -o "$T/whole.tar.zst" --with-image -q
assert_contains "$(members "$T/whole.tar.zst")" "image/0.index image/0.data checksums.json"
msb snapshot export child -o "$T/changes.tar.zst" --since base -q
assert_eq "$(members "$T/changes.tar.zst")" "archive.json snapshots/CHILD/snapshot.json snapshots/CHILD/changes checksums.json "
[ "$(stat -c %s "$T/changes.tar.zst")" -lt $((1 << 20)) ] || fail_test "changes of a few files have $(stat -c %s "$T/changes.tar.zst") bytes"

run_fail 1 "'$T/base.tar' exists" msb snapshot export child -o "$T/base.tar"
cmp "$T/base.tar" <(zstd -dcq "$T/base.tar.zst")
run_ok msb snapshot export child -o "$T/base.tar" -f
run_fail 1 "snapshot not found" msb snapshot export none -o "$T/none"
run_fail 1 "directory not found" msb snapshot export base -o "$T/no/where"
run_fail 2 "a file to write" msb snapshot export base
run_fail 2 "exclude" msb snapshot export child -o "$T/none" --since base --with-parents
rm -rf "$T/shelf" "$T/unpacked"
msb snapshot rm -q -f base
run_fail 1 "came from $base, which is not here" msb snapshot export child -o "$T/none" --with-parents
assert_no_path "$T/none"
assert_eq "$(find "$T" -name '*.staging')" "" "what is left over"
msb rm -q -f box fork
no_leftovers
