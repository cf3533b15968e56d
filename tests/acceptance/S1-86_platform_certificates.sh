#!/usr/bin/env bash
# What is downloaded, images and msb itself, trusts the certificates of this machine's own store: an authority of a
# company that the administrator added there is enough.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/releases.sh"
need_root
need curl python3 unshare
store=/etc/ssl/certs/ca-certificates.crt
[ -f "$store" ] || skip "this machine has no $store"

make_rootfs "$T/root"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
start_registry
push_image "$T/layout" lib/thing:1
start_registry tls
make_release "$T/release" 1.0.0
serve "$T/release" "$T/.server.pem" "$T/.server.key"

run_fail 1 'certificate' msb pull "$REGISTRY/lib/thing:1"
run_fail 1 'cannot get SHA256SUMS' installer --from "$SERVER"

# As update-ca-certificates leaves it, in a view of the file system of our own.
cat "$store" "$T/ca.pem" >"$T/store"
with_store() { unshare -m sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' - "$T/store" "$store" "$@"; }
run_ok with_store "$MSB" pull -q "$REGISTRY/lib/thing:1"
run_ok msb image ls
assert_contains "$out" lib/thing
run_ok with_store "$INSTALLER" --from "$SERVER"
assert_eq "$(installed_version)" "msb 1.0.0"

# Still nobody else's.
run_ok msb image rm -q "$REGISTRY/lib/thing:1"
run_fail 1 'certificate' msb pull "$REGISTRY/lib/thing:1"
no_leftovers
