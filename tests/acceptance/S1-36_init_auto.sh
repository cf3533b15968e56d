#!/usr/bin/env bash
# --init auto: a known init at the start of the image's entrypoint, else /sbin/init, else systemd.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

run_ok msb create -q -n box --init auto inited
run_ok msb exec box -- sh -c 'tr "\0" " " </proc/1/cmdline'
assert_eq "$out" "/sbin/init "

make_rootfs "$T/root"
ln -s bin/busybox "$T/root/init" # busybox is what its name says
new_image "$T/layout" --config.entrypoint /init --config.entrypoint from-image
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t entry
# The entrypoint is the init's, so it is not run once more with the command.
run_ok msb run -q --init auto entry -- sh -c 'tr "\0" " " </proc/1/cmdline'
assert_eq "$out" "/init from-image "

# Nothing to be found: says where it looked.
run_fail 1 'handoff init binary not found' msb run -q --init auto -- true
for path in /sbin/init /lib/systemd/systemd /usr/lib/systemd/systemd; do
    assert_contains "$err" "$path"
done
run_ok msb rm -q -f box
no_leftovers
