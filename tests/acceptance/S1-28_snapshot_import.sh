#!/usr/bin/env bash
# import takes in what export wrote, compressed or not, registers it and says what it is; what comes starts, also without
# its image's registry; damage is found.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel
need zstd

msb create -q -n box --root-disk 512M
msb exec box -- sh -c 'dd if=/dev/urandom of=/data bs=1M count=8 2>/dev/null; echo one >/file; sync'
msb stop -q box
base=$(msb snapshot create -q base --from box --integrity)
msb create -q -n fork --from base
msb exec fork -- sh -c 'echo two >/file; rm /data; sync'
msb stop -q fork
child=$(msb snapshot create -q child --from fork)
msb snapshot export base -o "$T/base.tar.zst" -q
msb snapshot export base -o "$T/base.tar" --plain-tar -q
msb snapshot export child -o "$T/family" --with-parents --with-image -q
msb snapshot export child -o "$T/changes" --since base -q
sums=$(cd "$MSB_HOME/snapshots" && sha256sum base/upper.ext4 child/upper.ext4)
msb rm -q -f box fork

export MSB_HOME=$T/other
run_ok msb snapshot import "$T/base.tar.zst"
assert_eq "$out" "$base
$MSB_HOME/snapshots/base"
assert_eq "$(msb snapshot ls -q)" "$base"
run_ok msb snapshot verify base
assert_contains "$out" "verified ("
[ "$(du -m "$MSB_HOME/snapshots/base/upper.ext4" | cut -f1)" -lt 40 ] || fail_test "holes were filled"
# What is there stays, unless by force; another name or directory is another copy.
run_fail 1 "snapshot already exists" msb snapshot import "$T/base.tar"
run_ok msb snapshot import "$T/base.tar" -f -q
assert_eq "$out" "$base"
run_ok msb snapshot load "$T/base.tar" "$T/shelf"
assert_eq "$(tail -n 1 <<<"$out")" "$T/shelf/base"
run_ok msb snapshot import "$T/base.tar" -n another
assert_path "$MSB_HOME/snapshots/another/snapshot.json"

# Changes need what they are changes of.
msb snapshot import -q "$T/changes" >/dev/null
(cd "$MSB_HOME/snapshots" && sha256sum --quiet -c <<<"$sums") || fail_test "the disks are not what they were"
msb snapshot rm -q child another base "$T/shelf/base"
run_fail 1 "only has what changed .* $base" msb snapshot import "$T/changes"
msb snapshot import -q "$T/base.tar" >/dev/null
chmod u+w "$MSB_HOME/snapshots/base/upper.ext4"
printf x | dd of="$MSB_HOME/snapshots/base/upper.ext4" bs=1 seek=300000000 conv=notrunc status=none
run_fail 1 "changes do not fit" msb snapshot import "$T/changes"
msb snapshot rm -q base

# Parents come along; the image as well, but not as something that `run IMAGE` finds.
run_ok msb snapshot import "$T/family" -q
assert_eq "$out" "$child"
run_ok msb snapshot ls --tree
assert_match "$out" '^└ child '
run_ok msb run -q --pull never --from child -- cat /file
assert_eq "$out" two
run_ok msb run -q --pull never --from base -- cat /file
assert_eq "$out" one
run_ok msb image ls -q
assert_eq "$out" "" "images that have a name"
run_ok msb snapshot import "$T/family" -f -q # its parent is here already

run_fail 1 "cannot open the archive" msb snapshot import "$T/none"
run_fail 1 "is not a file" msb snapshot import "$T"
run_fail 1 "not an archive of snapshots" msb snapshot import "$MSB_HOME/snapshots/child/snapshot.json"
assert_eq "$(find "$T" -name '*.staging')" "" "what is left over"
no_leftovers
