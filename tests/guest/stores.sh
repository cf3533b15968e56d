#!/usr/bin/env bash
# Container engines of an image keep what they stack on the sandbox's disk itself, where the kernel takes an overlay of
# theirs; it stays as the rest of the disk does, and what the image has there is never hidden.
. "$(dirname "$0")/../lib.sh"
need_kernel
need umoci

make_rootfs "$T/root"
mkdir -p "$T/root/var/lib/containers/storage" "$T/root/var/lib/docker"
echo kept >"$T/root/var/lib/containers/storage/image"
chmod 710 "$T/root/var/lib/docker"
printf '#!/bin/sh\n' >"$T/root/usr/bin/containerd"
chmod 755 "$T/root/usr/bin/containerd"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t engines

# stacks NAME DIR: an overlay can be mounted there.
stacks() {
    msb exec "$1" -- sh -ec "mkdir -p $2/o/l $2/o/u $2/o/w $2/o/m; echo 1 >$2/o/l/f
        mount -t overlay o -o lowerdir=$2/o/l,upperdir=$2/o/u,workdir=$2/o/w $2/o/m
        echo 2 >$2/o/m/f; cat $2/o/l/f $2/o/u/f; umount $2/o/m"
}

run_ok msb create -q -n box engines
for directory in /var/lib/docker /var/lib/containerd; do
    run_ok stacks box $directory
    assert_eq "$out" $'1\n2' "what an overlay in $directory holds"
done
run_ok msb exec box -- stat -c '%a %u:%g' /var/lib/docker
assert_eq "$out" "710 0:0" "mode and owner of /var/lib/docker"
run_ok msb exec box -- cat /var/lib/containers/storage/image
assert_eq "$out" kept
run msb exec box -- stat -c %d /var/lib/containers /
assert_eq "$(sort -u <<<"$out" | wc -l)" 1 "devices of a directory with content, and the root"

run_ok msb restart -q box
run_ok msb exec box -- cat /var/lib/docker/o/u/f
assert_eq "$out" 2 "after a restart"
run_ok msb stop -q box
run_ok msb snapshot create -q kept --from box
run_ok msb create -q -n twin --from kept
run_ok msb exec twin -- sh -c 'cat /var/lib/docker/o/u/f /var/lib/containerd/o/u/f'
assert_eq "$out" $'2\n2' "in a sandbox that began with the snapshot"
run_ok stacks twin /var/lib/docker
run_ok msb rm -q -f box twin

# An image without an engine has no trace of it.
run_ok msb run -- sh -c 'ls -d /var/lib/docker /var/lib/containers /var/lib/containerd 2>/dev/null || :'
assert_eq "$out" "" "directories of engines"
no_leftovers
