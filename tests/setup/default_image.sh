#!/bin/bash
# The built-in image is reproducible, and a valid docker-archive to other tools.
. "$(dirname "$0")/../lib.sh"
need skopeo umoci
image=$MSB_BUILD/share/microsandbox/images/default.tar

"$SOURCE_DIR/guest/image/make_image.sh" "$T/again.tar"
cmp "$image" "$T/again.tar"

skopeo --insecure-policy copy -q "docker-archive:$image:microsandbox/default:latest" "oci:$T/layout:latest"
run_ok skopeo --insecure-policy inspect --config "oci:$T/layout:latest"
assert_contains "$out" '"/bin/sh"'
assert_contains "$out" 'PATH=/usr/local/sbin:'

# shellcheck disable=SC2046
umoci unpack $(umoci_flags) --image "$T/layout:latest" "$T/bundle" 2>/dev/null
root=$T/bundle/rootfs
assert_eq "$(stat -c %a "$root/tmp" "$root/var/tmp" "$root/root")" $'1777\n1777\n700'
for applet in bin/sh bin/ls usr/bin/env usr/bin/id sbin/ip usr/bin/tail bin/tar; do
    assert_eq "$(readlink "$root/$applet")" /bin/busybox "$applet"
done
grep -q '^root:x:0:0:' "$root/etc/passwd"
assert_no_path "$root/etc/hosts"
assert_no_path "$root/etc/ssl"
