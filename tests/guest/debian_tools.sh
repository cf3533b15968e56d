#!/usr/bin/env bash
# ctest: timeout=400
# What Debian has for looking at processes works, and ping for every user.
. "$(dirname "$0")/../lib.sh"
need_kernel
need umoci mmdebstrap

debian_rootfs "$T/root.tar" procps iputils-ping
mkdir "$T/root"
tar -C "$T/root" -xf "$T/root.tar" --exclude='./dev/*'
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t debian-tools
run_ok msb create -q -n box -m 256M debian-tools
for command in "ps aux" "ps -ef" "ps axf" "ps -eLf" "ps -eo pid,lstart,cmd" "ps -C sh" "vmstat 1 2" uptime free "top -bn1"; do
    run_ok msb exec box -- sh -c "$command"
    assert_not_contains "$err" "Unable to" "$command"
done
run_ok msb exec box -- ps -eo comm
assert_match "$out" '^ps$'
# Without the capability that it has in Debian's package, which an archive does not carry.
run_ok msb exec box -u 1234 -- ping -c 1 -W 5 127.0.0.1
assert_match "$out" '1 received'
run_ok msb rm -q -f box
no_leftovers
