#!/usr/bin/env bash
# Images: load and pull, list, inspect, run, remove.
. "$(dirname "$0")/../lib.sh"
need_kernel

busybox_image "$T/bb.tar" test/busybox:1
run_ok msb load -i "$T/bb.tar"
assert_contains "$err" "docker.io/test/busybox:1"
run_ok msb load -q -t other/name:3 <"$T/bb.tar" # from standard input, one more name
run_ok msb image ls -q
assert_contains "$out" docker.io/other/name:3
run_ok msb image ls
assert_match "$out" '^REFERENCE +DIGEST +SIZE +CREATED$'
assert_match "$out" '^docker.io/test/busybox:1 +sha256:[0-9a-f]{12} '
run_ok msb run -q test/busybox:1 -- cat /etc/passwd
assert_contains "$out" "user:x:1000"
run_ok msb run -q -u user test/busybox:1 -- sh -c 'id -un; echo $HOME; id -G'
assert_eq "$out" $'user\n/home/user\n1000 1001'

# An OCI layout with more to it: entrypoint, variables, directory, user, labels, zstd or gzip layers.
make_rootfs "$T/root"
new_image "$T/layout" --clear config.cmd --config.entrypoint /bin/echo --config.workingdir /tmp \
    --config.user 1000:1001 --config.env GREETING=hello --config.label team=images
umoci config --image "$T/layout:latest" --config.cmd default >/dev/null
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/oci.tar"
# Its only name is the tag "latest": that says nothing about what it is.
run_fail 1 'no name' msb load -q -i "$T/oci.tar"
assert_contains "$err" "--tag"
cp -r "$T/layout" "$T/named"
umoci tag --image "$T/named:latest" word >/dev/null
umoci remove --image "$T/named:latest" >/dev/null
pack_oci "$T/named" "$T/named.tar"
run_ok msb load -i "$T/named.tar"
assert_contains "$err" "docker.io/library/word:latest"
run_ok msb load -q -i "$T/oci.tar" -t oci/image
run_ok msb run -q oci/image </dev/null
assert_eq "$out" default "entrypoint and cmd of the image"
run_ok msb run -q --entrypoint /bin/sh oci/image -- -c 'echo $GREETING $(pwd) $(id -u):$(id -g)'
assert_eq "$out" "hello /tmp 1000:1001"
run_ok msb image inspect oci/image --format json
assert_contains "$out" '"team": "images"'
assert_contains "$out" '"working_dir": "/tmp"'

# A working directory that the image names and does not have is made, for images rely on that; one that the user
# names is not.
cp -r "$T/layout" "$T/deep"
umoci config --image "$T/deep:latest" --config.workingdir /srv/app/deep >/dev/null
pack_oci "$T/deep" "$T/deep.tar"
run_ok msb load -q -i "$T/deep.tar" -t deep
run_ok msb run -q --entrypoint /bin/pwd deep
assert_eq "$out" /srv/app/deep "a missing WORKDIR"
run_fail 1 "→ config: working directory '/srv/app': No such file" msb run -q -w /srv/app deep

# A registry on loopback.
start_registry
push_image "$T/layout" lib/thing:2
run_ok msb pull "$REGISTRY/lib/thing:2"
assert_contains "$err" "Pulled"
run_ok msb pull "$REGISTRY/lib/thing:2"
assert_contains "$err" "(already cached)"
run_ok msb run -q "$REGISTRY/lib/thing:2" -- again
assert_eq "$out" again
digest=$(msb image inspect "$REGISTRY/lib/thing:2" --format json | sed -n 's/.*"digest": "\(sha256:[0-9a-f]*\)".*/\1/p' | tail -n 1)
run_ok msb pull -q "$REGISTRY/lib/thing@$digest"
stop_registry
run_ok msb run -q "$REGISTRY/lib/thing:2" -- offline
assert_eq "$out" offline "cached image without its registry"
run_fail 1 'cannot get|unreachable|connect' msb run -q --pull always "$REGISTRY/lib/thing:2" -- x

# What a sandbox uses is not removed; the rest goes, and its blobs with it.
run_ok msb create -q -n user --entrypoint /bin/true "$REGISTRY/lib/thing:2"
run_fail 1 'in use' msb image rm "$REGISTRY/lib/thing:2"
run_ok msb rm -q -f user
# shellcheck disable=SC2046
run_ok msb image rm $(msb image ls -q)
run_ok msb image ls --format json
assert_eq "$out" "[]"
assert_eq "$(find "$MSB_HOME/cache/blobs" -type f)" "" "blobs without a reference"
no_leftovers
