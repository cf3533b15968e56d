#!/usr/bin/env bash
# Pulling: HTTPS and whom to trust, anonymous tokens, redirects, platforms, zstd.
. "$(dirname "$0")/../lib.sh"
need python3 curl

make_rootfs "$T/root"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
start_registry
push_image "$T/layout" lib/thing:1
plain=$REGISTRY
forget() { run_ok msb image rm -q "$1"; }

# HTTPS: only with a certificate that is trusted.
start_registry tls
thing=$REGISTRY/lib/thing:1
run_fail 1 'certificate' msb pull "$thing"
assert_contains "$err" "--ca-certs"
run_fail 1 'holds no PEM certificate' msb pull --ca-certs /etc/passwd "$thing"
run_fail 1 'cannot read certificates' msb pull --ca-certs "$T/none.pem" "$thing"
run_fail 1 'error: ' msb pull --insecure "$thing"
run_ok msb pull --ca-certs "$T/ca.pem" "$thing"
assert_contains "$err" "Pulled"
assert_eq "$out" ""
forget "$thing"
SSL_CERT_FILE=$T/ca.pem run_ok msb pull -q "$thing"
assert_eq "$err" ""
forget "$thing"
printf '{"registries": {"ca_certs": "%s"}}' "$T/ca.pem" >"$T/config.json"
MSB_CONFIG_PATH=$T/config.json run_ok msb pull -q "$thing"
forget "$thing"
cp "$T/config.json" "$MSB_HOME/config.json"
run_ok msb pull -q "$thing"
forget "$thing"
echo '{"registries": ' >"$MSB_HOME/config.json"
run_fail 1 'config.json' msb pull -q "$thing"

# A host that is not this one's loopback by name speaks HTTPS unless told otherwise.
REGISTRY=$plain
if curl -sf "http://[::ffff:7f00:1]:${plain##*:}/v2/" >/dev/null; then
    mapped="[::ffff:7f00:1]:${plain##*:}"
    rm "$MSB_HOME/config.json"
    run_fail 1 'error: ' msb pull -q "$mapped/lib/thing:1"
    printf '{"registries": {"hosts": {"%s": {"insecure": true}}}}' "$mapped" >"$MSB_HOME/config.json"
    run_ok msb pull -q "$mapped/lib/thing:1"
    forget "$mapped/lib/thing:1"
fi
rm -f "$MSB_HOME/config.json"

# Anonymous tokens, also when each is good for two requests only.
for uses in '' 2; do
    start_front bearer "$uses"
    run_ok msb pull -q "$FRONT/lib/thing:1"
    assert_contains "$(cat "$FRONT_LOG")" "/token?service=front&scope=repository%3Alib%2Fthing%3Apull"
    assert_match "$(cat "$FRONT_LOG")" '/blobs/.* Bearer token-'
    forget "$FRONT/lib/thing:1"
    stop_front
done
start_front bearer-without-token '{"token": "a\u0007b"}'
run_fail 1 'gave no token' msb pull "$FRONT/lib/thing:1"
stop_front
start_front bearer-without-token 'not JSON'
run_fail 1 'token' msb pull "$FRONT/lib/thing:1"
stop_front
start_front basic
run_fail 1 'no access to image' msb pull "$FRONT/lib/thing:1"
assert_contains "$err" "need a login"
stop_front

# Blobs somewhere else: the token is for the registry only.
start_front plain
elsewhere_log=$FRONT_LOG
start_front redirect "http://$FRONT"
run_ok msb pull -q "$FRONT/lib/thing:1"
assert_match "$(cat "$FRONT_LOG")" '/blobs/.* Bearer token-'
assert_match "$(cat "$elsewhere_log")" '/blobs/.* -$'
assert_not_contains "$(cat "$elsewhere_log")" Bearer
forget "$FRONT/lib/thing:1"
stop_front
start_front redirect-loop
run_fail 1 'redirect' msb pull "$FRONT/lib/thing:1"
stop_front

# An index of several platforms with attestations between them.
arch=$(dpkg --print-architecture 2>/dev/null || echo amd64)
other=$([ "$arch" = arm64 ] && echo amd64 || echo arm64)
new_image "$T/other" --architecture "$other" --config.label made-for=another
add_layer "$T/other" "$T/root"
push_image "$T/other" lib/thing:other
manifest() { curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$plain/v2/lib/thing/manifests/$1"; }
entry() { # entry TAG OS ARCH VARIANT [MORE]
    local digest
    digest=sha256:$(manifest "$1" | sha256sum | cut -d' ' -f1)
    printf '{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "%s", "size": %d, "platform": {"os": "%s", "architecture": "%s", "variant": "%s"}%s}' \
        "$digest" "$(manifest "$1" | wc -c)" "$2" "$3" "$4" "${5:-}"
}
index() { # index TAG ENTRIES
    printf '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [%s]}' "$2" >"$T/index"
    curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "@$T/index" \
        "http://$plain/v2/lib/thing/manifests/$1"
}
attestation=', "annotations": {"vnd.docker.reference.type": "attestation-manifest"}'
index many "$(entry other unknown unknown ''), $(entry other linux "$arch" '' "$attestation"), $(entry other linux "$other" v8), $(entry 1 linux "$arch" '')"
run_ok msb pull -q "$plain/lib/thing:many"
run_ok msb image inspect "$plain/lib/thing:many"
assert_match "$out" "Architecture: +$arch"
assert_not_contains "$out" another
run_ok msb pull -q --platform "linux/$other" "$plain/lib/thing:many"
run_ok msb image inspect --format json "$plain/lib/thing:many"
assert_contains "$out" "\"made-for\": \"another\""
run_ok msb pull --platform "linux/$other" "$plain/lib/thing:many"
assert_contains "$err" "(already cached)"
run_fail 1 "cached for linux/$other, not linux/$arch" msb run -q --pull never "$plain/lib/thing:many" -- true
run_fail 1 "no version for linux/s390x" msb pull --platform linux/s390x "$plain/lib/thing:many"
assert_contains "$err" "linux/$arch, linux/$other/v8"
run_fail 1 'invalid platform' msb pull --platform 'linux/a b' "$plain/lib/thing:many"
run_fail 1 'only linux' msb pull --platform windows/amd64 "$plain/lib/thing:many"
run_fail 1 "is for linux/$other" msb pull "$plain/lib/thing:other"
index attested "$(entry other unknown unknown '')"
run_fail 1 "no version for linux/$arch" msb pull "$plain/lib/thing:attested"
assert_contains "$err" "none"

# zstd layers.
copy=(skopeo --insecure-policy copy -q)
date >"$T/root/unlike-what-the-registry-has-as-gzip"
new_image "$T/zstd"
add_layer "$T/zstd" "$T/root"
"${copy[@]}" --dest-decompress "oci:$T/zstd:latest" "dir:$T/plain-layers"
"${copy[@]}" --dest-compress --dest-compress-format zstd "dir:$T/plain-layers" "dir:$T/zstd-layers"
"${copy[@]}" --dest-tls-verify=false "dir:$T/zstd-layers" "docker://$plain/lib/zstd:1"
run_ok msb pull -q "$plain/lib/zstd:1"
run_ok msb image inspect "$plain/lib/zstd:1"
assert_contains "$out" "tar+zstd"
need_kernel
run_ok msb run -q "$plain/lib/zstd:1" -- cat /etc/passwd
assert_contains "$out" "user:x:1000"
no_leftovers
