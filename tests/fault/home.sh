#!/usr/bin/env bash
# MSB_HOME with spaces, long, relative, on tmpfs, unwritable, full.
. "$(dirname "$0")/../lib.sh"
need_kernel

for home in "$T/with space and ü" "$T/$(printf 'long/%.0s' $(seq 40))end"; do
    export MSB_HOME=$home
    run_ok msb run -q -- echo works
    assert_eq "$out" works "in $home"
    run_ok msb create -q -n "$(printf 'n%.0s' $(seq 128))"
    run_ok msb exec "$(printf 'n%.0s' $(seq 128))" -- echo works
    run_ok msb rm -q -f "$(printf 'n%.0s' $(seq 128))"
    no_leftovers
done

mkdir "$T/dir"
(cd "$T/dir" && MSB_HOME=relative "$MSB" run -q -- true)
assert_path "$T/dir/relative/db/msb.db"

export MSB_HOME=/proc/cannot-be
run_fail 1 "cannot use '/proc/cannot-be'.*" msb ls
assert_contains "$err" "set MSB_HOME to a directory you can write"
export MSB_HOME=$T/file
touch "$MSB_HOME"
run_fail 1 "cannot use" msb ls

need_root
mkdir "$T/tmpfs"
mount -t tmpfs -o size=64m tmpfs "$T/tmpfs"
trap 'umount -l "$T/tmpfs" || :; finish' EXIT
export MSB_HOME=$T/tmpfs/home
run_ok msb run -q -- echo works
assert_eq "$out" works "on tmpfs"

# Full while a command writes: the command sees an error, the sandbox ends, others go on.
run msb run -q -- sh -c 'dd if=/dev/zero of=/root/big bs=1M count=200 conv=fsync; echo code=$?'
assert_not_contains "$out" "code=0"
run_ok msb run -q -- echo still-works
assert_eq "$out" still-works "after a full disk"

# Full before it starts.
dd if=/dev/zero of="$T/tmpfs/filler" bs=64k 2>/dev/null || :
run_fail 1 '[Nn]o space left|full' msb create -n nospace
rm "$T/tmpfs/filler"
run_ok msb ls --format json
assert_not_contains "$out" '"Running"'
run_ok msb run -q -- echo recovered
assert_eq "$out" recovered
no_leftovers
