#!/bin/bash
# Each kernel bundle of the build tree is complete, and asking for it again costs nothing.
. "$(dirname "$0")/../lib.sh"
need_kernel ""
need python3

for bundle in "$MSB_BUILD"/share/microsandbox/kernels/uml-*; do
    python3 - "$bundle" <<'END'
import json, os, sys
bundle = sys.argv[1]
manifest = json.load(open(bundle + "/manifest.json"))
assert manifest["schema"] == 1, manifest
assert manifest["name"] == os.path.basename(bundle), manifest
assert manifest["engine"] == "uml", manifest
assert os.path.basename(os.path.realpath(bundle)) == manifest["hash"], manifest
files = [manifest["kernel"]] + manifest.get("interpreter_files", [])
for group in "", "net_", "mounts_", "optional_":
    files += manifest[group + "modules"]
for name in files:
    assert "/" not in name, name
    assert os.path.isfile(f"{bundle}/{name}"), name
assert os.access(f"{bundle}/{manifest['kernel']}", os.X_OK)
assert len(set(files)) == len(files), files
END
    # What the kernel starts with.
    name=$(basename "$bundle")
    base=$MSB_BUILD/share/microsandbox/initramfs/$name
    features="+net +mounts +net+mounts"
    [ "$name" = uml-debian ] || features= # has no modules
    for feature in "" $features; do
        assert_eq "$(head -c 6 "$base$feature.cpio")" 070701
    done
done

# The cache answers without network and without work.
script=debian
[ -e "$MSB_BUILD/share/microsandbox/kernels/uml-debian" ] || script=tuned
run_ok unshare -Urn "$SOURCE_DIR/guest/kernel/$script.sh"
assert_eq "$out" "$(readlink -f "$MSB_BUILD/share/microsandbox/kernels/uml-$script")"

# A cache without it, and no network: an error that says so, and nothing half made.
run_fail any 'no suite of this machine.s Debian archive offers' \
    env MSB_CACHE_DIR="$T/cache" unshare -Urn "$SOURCE_DIR/guest/kernel/$script.sh"
assert_eq "$(find "$T/cache/kernels" -mindepth 1 -not -name '.lock*' -not -name refs)" ""
