#!/usr/bin/env bash
# ctest: timeout=300
# What a kernel has as modules is there when somebody asks for it: the kernel itself, in an image without modprobe, and
# Debian's modprobe. A kernel that has it built in says so.
. "$(dirname "$0")/../lib.sh"
need_kernel
need umoci mmdebstrap

debian_rootfs "$T/root.tar" kmod
mkdir "$T/root"
tar -C "$T/root" -xf "$T/root.tar" --exclude='./dev/*'
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t debian-kmod

for kernel in "$MSB_BUILD"/share/microsandbox/kernels/uml-*; do
    name=${kernel##*/}
    echo "$name"
    run_ok msb create -q -n small --kernel "$name"
    for link in bridge veth dummy; do
        run_ok msb exec small -- ip link add "new$link" type "$link"
    done
    # Opening a device is asking, too.
    run_ok msb exec small -u 1234 -- sh -c 'true <>/dev/net/tun && true <>/dev/fuse'
    run_ok msb exec small -- sh -c 'dd if=/dev/zero of=/root/disk bs=1M count=1 2>/dev/null && losetup -f /root/disk && losetup -a'
    assert_contains "$out" /root/disk "loop devices"
    run msb exec small -- ip link add nothing type no_such_thing
    [ "$code" -ne 0 ] || fail_test "a link of an unknown kind was made"
    run_ok msb rm -q -f small

    run_ok msb create -q -n box --kernel "$name" debian-kmod
    run_ok msb exec box -- modprobe -a tun veth bridge br_netfilter loop fuse overlay sch_tbf
    run_fail any 'not found' msb exec box -- modprobe no_such_module
    run_ok msb restart -q box
    run_ok msb exec box -- modprobe bridge
    run_ok msb rm -q -f box
done
no_leftovers
