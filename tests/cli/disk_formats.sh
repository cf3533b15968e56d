#!/usr/bin/env bash
# qcow2 and vmdk images are read and written through a process of another program, in a jail of its own.
. "$(dirname "$0")/../lib.sh"
need_kernel
need qemu-storage-daemon qemu-img

truncate -s 64M "$T/disk.raw"
mkfs.ext4 -q "$T/disk.raw"
for format in qcow2 vmdk; do
    qemu-img convert -O $format "$T/disk.raw" "$T/disk.$format"
    run_ok msb run --mount-disk "$T/disk.$format:/d" -- sh -c 'grep -o " /d ext4 rw" /proc/mounts && echo kept >/d/file && head -c 8M /dev/urandom | tee /d/data | md5sum >/d/sum'
    run_ok msb run --mount-disk "$T/disk.$format:/d:ro,noexec" -- sh -c 'cat /d/file && md5sum -c /d/sum </d/data >/dev/null; md5sum </d/data | cmp - /d/sum && touch /d/x 2>/dev/null || echo read-only'
    assert_eq "$out" $'kept\nread-only'
    [ $format = vmdk ] || run_ok qemu-img check "$T/disk.$format"
done
# Two in one sandbox, in their order, beside a raw one and a volume.
cp "$T/disk.qcow2" "$T/other.bin"
run_ok msb run --mount-disk "$T/other.bin:/a:format=qcow2" --mount-disk "$T/disk.raw:/b" --mount-disk "$T/disk.vmdk:/c:ro" \
    --mount-named vol:/v:kind=disk,size=128M -- sh -c 'echo a >/a/mark && echo b >/b/mark && echo v >/v/mark; cat /a/file /c/file; ls /b'
assert_contains "$out" $'kept\nkept'
assert_contains "$out" mark
# The format is not guessed: a qcow2 image as a raw one has no file system.
run_fail any "no file system of this kernel" msb run --mount-disk "$T/other.bin:/a" -- true
# What an image's header names is not opened: a backing file, and one that does not exist.
qemu-img create -q -f qcow2 -F raw -b "$T/disk.raw" "$T/over.qcow2"
run_fail any "serves the disk images" msb run --mount-disk "$T/over.qcow2:/a" -- true
head -c 1M /dev/urandom >"$T/rubbish.qcow2"
run_fail any "serves the disk images" msb run --mount-disk "$T/rubbish.qcow2:/a" -- true
run_fail any 'in use by another sandbox' sh -c "$MSB create -q -n holder --mount-disk '$T/disk.qcow2:/d' && $MSB run --mount-disk '$T/disk.qcow2:/d:ro' -- true"

# The process ends with its sandbox, however that ends; when it ends, the sandbox does, with a reason.
servers() { test_processes | awk '$2 == "storage-daemon" {print $1}'; }
[ -n "$(servers)" ] || fail_test "no process serves the image"
kill -9 "$(host_pids_of runtime | head -1)"
no_servers() { [ -z "$(servers)" ]; }
eventually 10 no_servers
run_ok msb start -q holder
kill -9 "$(servers)"
ended() { msb inspect holder --format json | grep -q 'serves the disk images'; }
eventually 10 ended
run_ok msb rm -q -f holder
no_leftovers
