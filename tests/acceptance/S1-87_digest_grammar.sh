#!/usr/bin/env bash
# Digests are read by the grammar of OCI, whoever writes them: a user, an archive, a manifest. One that would lead out of
# the cache is refused, and files are named by digests that were checked.
. "$(dirname "$0")/../lib.sh"
need jq
hex=$(printf '%064d' 7)

# Of a user. An algorithm that is valid and not ours is said to be that.
for digest in sha256:../../x "sha256:${hex%???}/.." sha256: "sha256:$hex/x" "sha256:${hex}0" "sha256:${hex%?}" \
    "sha256:${hex%?}G" "SHA256:$hex" ":$hex" "sha256" "sha256:${hex%?}%2e" "sha256+:$hex" "md5:../x" "$hex"; do
    run_fail 1 'error: ' msb pull "127.0.0.1:1/some/image@$digest"
    assert_not_contains "$err" "connect" "$digest is refused before anybody is asked"
    run_fail 1 'error: ' msb run -q --pull never "some/image@$digest" -- true
done
run_fail 1 "digest algorithm 'sha512' is not supported" msb pull "127.0.0.1:1/some/image@sha512:$hex$hex"

# Of an archive: in its index, its manifest, and as a name of a file.
make_rootfs "$T/root"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
echo secret >"$T/outside"
blob() { echo "$1/blobs/sha256/$(sha256sum <"$2" | cut -d' ' -f1)"; }
# changed DIR MANIFEST_FILTER: a copy of the layout whose manifest is changed, with digests that fit.
changed() {
    cp -r "$T/layout" "$1"
    local old new
    old=$1/blobs/sha256/$(jq -r '.manifests[0].digest' "$1/index.json" | cut -d: -f2)
    jq -c "$2" "$old" >"$T/manifest"
    new=$(blob "$1" "$T/manifest")
    cp "$T/manifest" "$new"
    jq -c ".manifests[0].digest = \"sha256:${new##*/}\" | .manifests[0].size = $(stat -c %s "$new")" \
        "$1/index.json" >"$T/index"
    mv "$T/index" "$1/index.json"
}
refused() {
    pack_oci "$1" "$T/image.tar"
    run_fail 1 'digest' msb load -i "$T/image.tar" -t bad:1
    run_ok msb image ls
    assert_not_contains "$out" bad "$1"
    rm -rf "$1"
}
changed "$T/good" .
pack_oci "$T/good" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t good:1
for digest in sha256:../../../outside "sha256:$hex/../x" "SHA256:$hex" sha256:; do
    changed "$T/bad" ".layers[0].digest = \"$digest\""
    refused "$T/bad"
    changed "$T/bad" ".config.digest = \"$digest\""
    refused "$T/bad"
    cp -r "$T/layout" "$T/bad"
    jq -c ".manifests[0].digest = \"$digest\"" "$T/bad/index.json" >"$T/index"
    mv "$T/index" "$T/bad/index.json"
    refused "$T/bad"
done
assert_eq "$(cat "$T/outside")" secret

# What is in the cache is named by whole digests, or has a fixed name.
run_ok find "$MSB_HOME/cache" -type f -name '*..*'
assert_eq "$out" ""
no_leftovers
