#!/usr/bin/env bash
# Images that are broken, hostile or not there: a clear error, and nothing stored.
. "$(dirname "$0")/../lib.sh"
need python3

run_fail 1 'refused|connect' msb pull 127.0.0.1:1/no/registry:1
run_fail 1 'not found|not cached' msb run -q --pull never no/such -- true
for bad in 'UPPER/case' '../evil' 'a b' 'x@sha256:short' 'x@sha256:../../../etc/passwd' ':tag' ''; do
    run_fail 1 'error: ' msb pull "$bad"
done
run_fail 1 'error: ' msb load -i /no/such/file
run_fail 1 'error: ' msb load -i /dev/null
echo "not a tar" >"$T/text"
run_fail 1 'error: ' msb load -i "$T/text"

busybox_image "$T/good.tar" good:1
head -c 300000 "$T/good.tar" >"$T/cut.tar"
run_fail 1 'error: ' msb load -i "$T/cut.tar"

# One flipped bit in a layer: its digest does not match.
make_rootfs "$T/root"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/oci.tar"
run_ok msb load -q -i "$T/oci.tar" -t fine:1
# shellcheck disable=SC2046
run_ok msb image rm $(msb image ls -q) # a layer that is stored already would not be read again
layer=$(find "$T/layout/blobs/sha256" -size +100k | head -n 1)
printf '\377' | dd of="$layer" bs=1 seek=5000 conv=notrunc 2>/dev/null
pack_oci "$T/layout" "$T/flipped.tar"
run_fail 1 'digest|corrupt|decompress|gzip' msb load -i "$T/flipped.tar" -t flipped:1

# Names that leave the root, in the layer and in the archive, end up nowhere outside.
python3 - "$T" <<'PY'
import hashlib, io, json, sys, tarfile
top = sys.argv[1]
def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
layer = tar([("../../../../../../tmp/msb-escaped", b"x"), ("ok", b"y")])
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs":
    {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
def image(config_name, layer_name, tag):
    return tar([(config_name, config), (layer_name, layer), ("manifest.json", json.dumps(
        [{"Config": config_name, "RepoTags": [tag], "Layers": [layer_name]}]).encode())])
sha = hashlib.sha256(config).hexdigest()
open(top + "/escape.tar", "wb").write(image(sha + ".json", "l/layer.tar", "escape:1"))
open(top + "/outside.tar", "wb").write(image("../../etc/passwd", "l/layer.tar", "outside:1"))
harmless = tar([("ok", b"y")])
wrong = config.replace(hashlib.sha256(layer).hexdigest().encode(), b"0" * 64)
open(top + "/wrong.tar", "wb").write(tar([(hashlib.sha256(wrong).hexdigest() + ".json", wrong), ("l/layer.tar", harmless),
    ("manifest.json", json.dumps([{"Config": hashlib.sha256(wrong).hexdigest() + ".json",
     "RepoTags": ["wrong:1"], "Layers": ["l/layer.tar"]}]).encode())]))
PY
run msb load -i "$T/escape.tar"
assert_no_path /tmp/msb-escaped
run_fail 1 'error: ' msb load -i "$T/outside.tar"
run_fail 1 'digest|diff_id' msb load -i "$T/wrong.tar"
run_ok msb image ls -q
for gone in flipped wrong outside; do assert_not_contains "$out" "$gone"; done

# kill -9 in the middle of a load: the next one works, and nothing half done is listed.
for delay in 0.01 0.03 0.06 0.1; do
    "$MSB" load -q -i "$T/good.tar" >/dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    kill -9 $pid 2>/dev/null || :
    wait $pid 2>/dev/null || :
done
eventually 10 no_test_processes
run_ok msb load -q -i "$T/good.tar"
run_ok msb image inspect good:1
no_leftovers

# Several loads of one image at once.
# shellcheck disable=SC2046
run_ok msb image rm $(msb image ls -q)
pids=()
for _ in 1 2 3 4; do
    "$MSB" load -q -i "$T/good.tar" 2>>"$T/errors" &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || fail_test "a concurrent load failed: $(cat "$T/errors")"
done
run_ok msb image ls -q
assert_eq "$out" docker.io/library/good:1
assert_eq "$(find "$MSB_HOME/cache/tmp" -type f)" "" "temporary files"
no_leftovers

# A full disk.
need_root
mkdir "$T/small"
mount -t tmpfs -o size=1m tmpfs "$T/small"
trap 'umount -l "$T/small" || :; finish' EXIT
MSB_HOME=$T/small/home run_fail 1 '[Nn]o space' msb load -i "$T/good.tar"
