#!/usr/bin/env bash
# ctest: timeout=240
# msb cp with volumes, directories and disks: without a guest, within the volume whatever links say, and all of it or
# nothing on a disk.
. "$(dirname "$0")/../lib.sh"
need_kernel

mkdir -p "$T/tree/sub"
echo one >"$T/tree/one"
printf 'x%.0s' {1..100000} >"$T/tree/sub/large"
ln "$T/tree/one" "$T/tree/again"
ln -s one "$T/tree/link"
chmod 751 "$T/tree/sub"
truncate -s 32M "$T/tree/sparse"
echo end >>"$T/tree/sparse"

msb volume create -q dir
msb volume create -q disk --kind disk --size 256M
for volume in dir disk; do
    run_ok msb cp "$T/tree" $volume:/
    run_ok msb cp -q "$T/tree/one" $volume:/renamed
    run_ok msb cp "$T/tree/." $volume:/merged/here/
    run_fail any 'not an existing directory' msb cp "$T/tree/one" $volume:/none/file
    run_fail any '/none' msb cp $volume:/none "$T/x"
    run_fail any 'must be absolute' msb cp $volume:relative "$T/x"
    rm -rf "$T/out"
    run_ok msb cp $volume:/tree "$T/out"
    assert_eq "$(cd "$T/out" && find . | sort | tr '\n' ' ')" ". ./again ./link ./one ./sparse ./sub ./sub/large "
    cmp "$T/tree/sub/large" "$T/out/sub/large"
    cmp "$T/tree/sparse" "$T/out/sparse"
    assert_eq "$(readlink "$T/out/link") $(stat -c %h "$T/out/one")" "one 2"
    run_ok msb cp $volume:/renamed - >/dev/null
    msb cp $volume:/tree/sub - | tar -t >"$T/list"
    assert_contains "$(cat "$T/list")" sub/large
    tar -C "$T" -c tree/one | msb cp -q - $volume:/merged
    run_ok msb run -v $volume:/v -- sh -c 'cat /v/renamed /v/merged/tree/one /v/merged/here/one; stat -c "%u %a" /v/tree/sub /v/merged; cmp /v/tree/sparse /v/merged/here/sparse; ln -s /etc /v/etc; ln -s ../../../../../../etc/passwd /v/up; echo guest >/v/byguest'
    assert_eq "$out" $'one\none\none\n0 751\n0 755' "in the guest, $volume"
    # Links that the guest made lead within the volume.
    run_fail any '/etc' msb cp $volume:/etc/passwd "$T/x"
    run_fail any "leaves the copied tree" msb cp $volume:/up "$T/up"
    run_ok msb cp --links keep $volume:/up "$T/up"
    [ -L "$T/up" ] || fail_test "a link was followed"
    rm "$T/up"
    run_fail any '' msb cp "$T/tree/one" $volume:/etc/
    run_ok msb cp $volume:/byguest "$T/byguest"
    assert_eq "$(cat "$T/byguest")" guest
    # Files take the place of others, and directories of nothing.
    echo two >"$T/two"
    run_ok msb cp "$T/two" $volume:/renamed
    run_fail any 'in the way|[Nn]ot a directory|Is a directory' msb cp "$T/two" $volume:/merged/tree/one/
    run_ok msb cp $volume:/renamed "$T/renamed"
    assert_eq "$(cat "$T/renamed")" two
done
run_ok e2fsck -fn "$MSB_HOME/volumes/disk/disk.raw"
# No way leads out of a volume.
for volume in dir disk; do
    for path in /.. /tree/../../.. /../../etc/passwd; do
        run msb cp -q "$volume:$path" "$T/up"
        if [ -e "$T/up/.meta" ] || [ -e "$T/up/db" ] || grep -qs root: "$T/up"; then fail_test "$volume:$path leads out"; fi
        rm -rf "$T/up"
    done
done
# From one volume to the other.
run_ok msb cp dir:/tree disk:/from-dir
run_ok msb cp disk:/from-dir/sub/large dir:/back
cmp "$T/tree/sub/large" "$MSB_HOME/volumes/dir/back"
run_ok e2fsck -fn "$MSB_HOME/volumes/disk/disk.raw"

# One that is mounted: a directory can be had, a disk has its guest.
msb create -q -n user -v dir:/d -v disk:/k
run_ok msb cp "$T/two" dir:/while
run_ok msb exec user -- cat /d/while
assert_eq "$out" two
run_fail any "volume 'disk' is in use" msb cp disk:/renamed "$T/x"
run_fail any "volume 'disk' is in use" msb cp "$T/two" disk:/x
run_fail any 'not copied between a sandbox and a volume' msb cp user:/etc/passwd dir:/x
msb rm -q -f user
# Its guest was cut off: the next one that mounts the disk plays the journal back.
run_fail any 'plays its journal back' msb cp disk:/renamed "$T/x"
run_ok msb run -v disk:/k -- true
msb create -q -n reader -v disk:/k:ro
run_ok msb cp disk:/renamed "$T/read"
run_fail any "volume 'disk' is in use" msb cp "$T/two" disk:/x
msb rm -q -f reader

# A copy that does not fit, or is killed, leaves the disk as it was.
before=$(sha256sum <"$MSB_HOME/volumes/disk/disk.raw")
head -c 300M /dev/zero | tr '\0' x >"$T/huge"
run_fail any 'no room' msb cp "$T/huge" disk:/huge
assert_eq "$(sha256sum <"$MSB_HOME/volumes/disk/disk.raw")" "$before"
head -c 40M "$T/huge" >"$T/some"
for after in 0.02 0.1 0.2; do
    "$MSB" cp -q "$T/some" disk:/some &
    pid=$!
    sleep $after
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    eventually 10 no_test_processes
    run_ok e2fsck -fn "$MSB_HOME/volumes/disk/disk.raw"
done
run_ok msb cp "$T/two" disk:/last
assert_eq "$(ls -A "$MSB_HOME/volumes/disk")" disk.raw
no_leftovers
