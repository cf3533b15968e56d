#!/bin/bash
# The image and registry helpers make what they say: other tests trust them.
. "$(dirname "$0")/../lib.sh"
need skopeo umoci docker-registry curl

busybox_image "$T/busybox.tar" tests/busybox:1
run_ok tar -xOf "$T/busybox.tar" manifest.json
assert_contains "$out" 'tests/busybox:1'

new_image "$T/layout" --config.user 1000 --config.workingdir /srv
mkdir "$T/one" "$T/two"
echo a >"$T/one/a"
echo b >"$T/two/b"
add_layer "$T/layout" "$T/one"
add_layer "$T/layout" "$T/two"
add_whiteout "$T/layout" /a
pack_oci "$T/layout" "$T/oci.tar"
run_ok tar -tf "$T/oci.tar"
assert_match "$out" '^./oci-layout$'
run_ok skopeo --insecure-policy inspect --config "oci:$T/layout:latest"
assert_contains "$out" '"User": "1000"'

# shellcheck disable=SC2046
umoci unpack $(umoci_flags) --image "$T/layout:latest" "$T/bundle" 2>/dev/null
assert_no_path "$T/bundle/rootfs/a"
assert_path "$T/bundle/rootfs/b"

start_registry
push_image "$T/layout" some/image:2
run_ok curl -sS "http://$REGISTRY/v2/some/image/tags/list"
assert_contains "$out" '"2"'
stop_registry
run_fail 7 'connect' curl -sS "http://$REGISTRY/v2/"
no_leftovers
