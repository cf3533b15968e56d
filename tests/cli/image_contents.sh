#!/usr/bin/env bash
# ctest: timeout=300
# The root disk of an image holds, path by path, what umoci unpacks: type, mode, owner, size, times, link
# targets, extended attributes, contents; and fsck.erofs finds nothing to complain about.
. "$(dirname "$0")/../lib.sh"
need_root # owners, devices
need umoci fsck.erofs
dump=$MSB_BUILD/tools/tree_dump
[ -x "$dump" ] || skip "tree_dump is not built"

# check NAME LAYOUT: loads the layout and compares.
check() {
    pack_oci "$2" "$T/image.tar"
    run_ok msb load -q -i "$T/image.tar" -t "$1"
    umoci unpack --image "$2:latest" "$T/bundle.$1" >/dev/null 2>&1
    local pieces=() diff
    pieces+=("$(find "$MSB_HOME/cache/meta" -name '*.erofs' -newer "$T/image.tar" | head -n 1)")
    for diff in $(msb image inspect "$1" --format json | sed -n 's/.*"diff_id": "sha256:\([0-9a-f]*\)".*/\1/p'); do
        [ ! -s "$MSB_HOME/cache/blobs/$diff.data" ] || pieces+=("$MSB_HOME/cache/blobs/$diff.data")
    done
    "$dump" disk "${pieces[@]}" >"$T/ours"
    "$dump" dir "$T/bundle.$1/rootfs" >"$T/theirs"
    [ "$(wc -l <"$T/ours")" -gt "$3" ] || fail_test "only $(wc -l <"$T/ours") paths in $1"
    diff "$T/theirs" "$T/ours" >"$T/diff" || { head -n 20 "$T/diff" >&2; fail_test "$1 differs from umoci's"; }
    cat "${pieces[@]}" >"$T/disk.erofs"
    fsck.erofs "$T/disk.erofs" >"$T/fsck" 2>&1 || { cat "$T/fsck" >&2; fail_test "fsck.erofs: $1"; }
    rm -rf "$T/bundle.$1" "$T/disk.erofs" "$T/image.tar"
}

# Layers with everything in them.
make_rootfs "$T/root"
mkdir -p "$T/root/kinds/deep/er" "$T/root/replaced" "$T/root/opaque/below" "$T/root/gone"
echo one >"$T/root/kinds/file"
ln "$T/root/kinds/file" "$T/root/kinds/hard"
ln -s ../etc/passwd "$T/root/kinds/link"
ln -s "$(printf 'x%.0s' $(seq 3000))" "$T/root/kinds/long-link"
mknod "$T/root/kinds/null" c 1 3
mknod "$T/root/kinds/block" b 7 200
mkfifo "$T/root/kinds/fifo"
echo setuid >"$T/root/kinds/suid"
chown 1234:5678 "$T/root/kinds/suid"
chmod 6755 "$T/root/kinds/suid"
touch -d '2001-02-03 04:05:06' "$T/root/kinds/deep/er"
head -c 100000 /dev/urandom >"$T/root/kinds/random"
: >"$T/root/kinds/empty"
touch "$T/root/kinds/$(printf 'n%.0s' $(seq 255))" "$T/root/kinds/blank and "$'\xc3\xbc'
for i in $(seq 600); do echo "$i" >"$T/root/kinds/deep/file-$i"; done
if command -v setfattr >/dev/null; then
    setfattr -n user.note -v "some value" "$T/root/kinds/file"
fi
touch "$T/root/gone/file" "$T/root/replaced/inner" "$T/root/opaque/old" "$T/root/opaque/below/old"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
mkdir -p "$T/second/opaque" "$T/second/kinds"
echo new >"$T/second/opaque/new"
echo changed >"$T/second/kinds/file"
echo "a file now" >"$T/second/replaced"
add_whiteout "$T/layout" /gone
add_whiteout "$T/layout" /replaced
add_layer "$T/layout" "$T/second"
check kinds "$T/layout" 600

# A whole Debian.
debian_rootfs "$T/debian.tar" libcap2-bin
mkdir "$T/debian"
tar -C "$T/debian" --xattrs --xattrs-include='*' -xf "$T/debian.tar"
new_image "$T/debian-layout"
add_layer "$T/debian-layout" "$T/debian"
rm -rf "$T/debian" "$T/debian.tar"
check debian "$T/debian-layout" 3000
need_kernel
run_ok msb run -q debian -- sh -c '. /etc/os-release; echo $ID; dpkg -s libc6 | grep -c "install ok"'
assert_eq "$out" $'debian\n1'
no_leftovers
