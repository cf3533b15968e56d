#!/usr/bin/env bash
# --mount-dir, --mount-file, --mount-disk and --mount-named exist on run and create, with the options of -v.
. "$(dirname "$0")/../lib.sh"
need_kernel

mkdir "$T/dir"
echo content >"$T/dir/file"
run_ok msb run --mount-dir "$T/dir:/d" --mount-file "$T/dir/file:/f" -- cat /d/file /f
assert_eq "$out" "content
content"
run_ok msb create -q -n box --mount-dir "$T/dir:/d:ro,noexec,nosuid,nodev" --mount-file "$T/dir/file:/f:rw,stat-virt=off,host-perms=private"
run_ok msb exec box -- sh -c 'cat /d/file && echo changed >/f'
assert_eq "$(cat "$T/dir/file")" changed
run_fail any 'Read-only' msb exec box -- touch /d/new
run_ok msb rm -q -f box

truncate -s 64M "$T/disk.img"
mkfs.ext4 -q "$T/disk.img"
run_ok msb run --mount-disk "$T/disk.img:/d" --mount-named "data:/v" -- sh -c 'echo disk >/d/file && echo volume >/v/file'
run_ok msb create -q -n box --mount-disk "$T/disk.img:/d:ro" --mount-named "data:/v:ro,noexec"
run_ok msb exec box -- sh -c 'cat /d/file /v/file'
assert_eq "$out" $'disk\nvolume'
run_fail any 'Read-only' msb exec box -- touch /d/new
run_fail any 'Read-only' msb exec box -- touch /v/new
run_ok msb rm -q -f box
no_leftovers
