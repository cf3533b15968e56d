#!/usr/bin/env bash
# --init auto: a known init at the start of the image's entrypoint, else /sbin/init, else systemd.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

run_ok msb create -q -n box --init auto inited
run_ok msb exec box -- sh -c 'cat /proc/1/comm; readlink /proc/1/exe'
assert_eq "$out" "init
/bin/busybox"

make_rootfs "$T/root"
mkdir "$T/root/sbin"
ln -s ../bin/busybox "$T/root/sbin/init"
printf '#!/bin/sh\necho "$0 $*" >/etc/init.args\nexec /sbin/init\n' >"$T/root/init"
chmod 755 "$T/root/init"
new_image "$T/layout" --config.entrypoint /init --config.entrypoint from-image
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t entry
# The entrypoint is the init's, so it is not run once more with the command.
run_ok msb run -q --init auto --init-arg more entry -- sh -c 'while [ ! -s /etc/init.args ]; do sleep 0.05; done; cat /etc/init.args'
assert_eq "$out" "/init from-image more"

# The first that is there and can be executed, in this order. (An entrypoint that is no init has no say.)
make_rootfs "$T/all"
for path in sbin/init lib/systemd/systemd usr/lib/systemd/systemd; do
    mkdir -p "$T/all/$(dirname "$path")"
    printf '#!/bin/sh\necho "$0" >/root/became\nexec busybox init\n' >"$T/all/$path"
    chmod 755 "$T/all/$path"
done
new_image "$T/all.layout" --config.entrypoint /bin/env
add_layer "$T/all.layout" "$T/all"
pack_oci "$T/all.layout" "$T/all.tar"
run_ok msb load -q -i "$T/all.tar" -t all
run_ok msb create -q -n order --init auto all
became() { # PATH: what process 1 was started as
    run_ok msb exec order -- sh -c 'while [ ! -s /root/became ]; do sleep 0.05; done; cat /root/became'
    assert_eq "$out" "$1" "the init"
}
became /sbin/init
run_ok msb exec order -- sh -c 'rm /root/became && chmod 644 /sbin/init'
run_ok msb stop -q order
run_ok msb start -q order
became /lib/systemd/systemd
run_ok msb exec order -- rm /root/became /lib/systemd/systemd
run_ok msb stop -q order
run_ok msb start -q order
became /usr/lib/systemd/systemd

# Nothing to be found: says where it looked, in the order in which it did.
run_ok msb exec order -- rm /usr/lib/systemd/systemd
run_ok msb stop -q order
run_fail 1 'handoff init binary not found' msb start -q order
assert_contains "$err" "/sbin/init, /lib/systemd/systemd, /usr/lib/systemd/systemd"
run_ok msb rm -q order
make_rootfs "$T/bare"
new_image "$T/bare.layout"
add_layer "$T/bare.layout" "$T/bare"
pack_oci "$T/bare.layout" "$T/bare.tar"
run_ok msb load -q -i "$T/bare.tar" -t bare
run_fail 1 'handoff init binary not found' msb run -q --init auto bare -- true
for path in /sbin/init /lib/systemd/systemd /usr/lib/systemd/systemd; do
    assert_contains "$err" "$path"
done
run_ok msb rm -q -f box
no_leftovers
