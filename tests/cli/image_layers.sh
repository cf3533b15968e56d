#!/usr/bin/env bash
# Images of many layers start: each is one more piece of the root disk.
. "$(dirname "$0")/../lib.sh"
need python3

make_rootfs "$T/root"
tar -C "$T/root" -cf "$T/root.tar" .
cat >"$T/build.py" <<'PY'
import hashlib, io, json, sys, tarfile
root, count, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
layers = [open(root, "rb").read()]
layers += [tar([("many/%d" % i, b"%d\n" % i), ("many/top", b"%d\n" % i)]) for i in range(1, count)]
config = json.dumps({"architecture": sys.argv[4], "os": "linux", "config": {"Cmd": ["/bin/sh"]}, "rootfs":
    {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]}}).encode()
name = hashlib.sha256(config).hexdigest() + ".json"
manifest = [{"Config": name, "RepoTags": ["many:%d" % count], "Layers": ["%d.tar" % i for i in range(count)]}]
members = [(name, config), ("manifest.json", json.dumps(manifest).encode())]
open(output, "wb").write(tar(members + [("%d.tar" % i, layer) for i, layer in enumerate(layers)]))
PY
arch=$(dpkg --print-architecture 2>/dev/null || echo amd64)
python3 "$T/build.py" "$T/root.tar" 513 "$T/too-many.tar" "$arch"
run_fail 1 'layers' msb load -i "$T/too-many.tar"
python3 "$T/build.py" "$T/root.tar" 150 "$T/many.tar" "$arch"
run_ok msb load -q -i "$T/many.tar"
run_ok msb image inspect many:150 --format json
assert_contains "$out" '"layer_count": 150'
need_kernel
run_ok msb run -q many:150 -- sh -c 'cat /many/1 /many/77 /many/149 /many/top; ls /many | wc -l'
assert_eq "$out" $'1\n77\n149\n149\n150'
no_leftovers
