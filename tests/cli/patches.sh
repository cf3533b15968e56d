#!/usr/bin/env bash
# Files of an image are changed before a new sandbox starts: --copy, --copy-file, --copy-dir, --mkdir, --rm and the
# kinds of --fs-conf; parents keep what the image says of them; nothing is half done.
. "$(dirname "$0")/../lib.sh"
need_kernel
need_root # owners

# An image whose directories have modes, owners and links that must not change.
tree=$T/tree
make_rootfs "$tree"
mv "$tree/bin"/* "$tree/usr/bin"
rmdir "$tree/bin"
ln -s usr/bin "$tree/bin"
mkdir -p "$tree"/{etc/app,srv/private,var/lib/old/deep}
echo image >"$tree/etc/app/conf"
echo other >"$tree/etc/app/other"
chmod 640 "$tree/etc/app/conf"
chown 7:8 "$tree/etc/app/conf" "$tree/srv/private"
chmod 2750 "$tree/srv/private"
echo old >"$tree/var/lib/old/deep/file"
new_image "$T/layout"
add_layer "$T/layout" "$tree"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t patched

mkdir -p "$T/app/sub/empty"
echo one >"$T/app/one"
printf 'two' >"$T/app/sub/two"
ln "$T/app/one" "$T/app/again"
ln -s ../one "$T/app/sub/link"
ln -s /nowhere "$T/app/broken"
truncate -s 3M "$T/app/sparse"
printf end >>"$T/app/sparse"
chmod 750 "$T/app/sub"
chmod 4755 "$T/app/one"

cat >"$T/fs.yaml" <<'END'
patch_files: [more.yaml]
patches:
  - append: {path: /etc/app/conf, content: "appended\n"}
  - text: {path: /etc/app/other, content: "replaced\n", mode: "0600", replace: true}
  - file: {path: /bin/tool, content_base64: AAEC/w==, mode: "0755"}
  - symlink: {target: ../etc/app, link: /srv/private/app}
  - remove: {path: /var/lib/old}
  - mkdir: {path: /var/lib/old}
  - text: {path: /var/lib/old/new, content: new}
END
printf -- '- copy_file: {src: app/one, dst: /opt/first, mode: "0700"}\n' >"$T/more.yaml"

cd "$T"
run_ok msb create -q -n box --fs-conf fs.yaml --copy app:/opt/app --copy-file app/one:/opt/one --copy-dir "$T/app/sub:/sub" \
    --mkdir /data/deep --rm /opt/first --rm /never/there patched
cd /

# guest_says EXPECTED COMMAND: what busybox says in the sandbox.
guest_says() {
    run_ok msb exec box -- sh -c "$2"
    assert_eq "$out" "$1" "$2"
}
check_all() {
    guest_says $'image\nappended\n640 7 8' 'cat /etc/app/conf; stat -c "%a %u %g" /etc/app/conf'
    guest_says $'replaced\n600 0 0' 'cat /etc/app/other; stat -c "%a %u %g" /etc/app/other'
    guest_says '000102ff 755' 'echo $(od -An -tx1 /usr/bin/tool | tr -d " ") $(stat -c %a /bin/tool)'
    guest_says '2750 7 8 ../etc/app' 'echo $(stat -c "%a %u %g" /srv/private) $(readlink /srv/private/app)'
    guest_says new 'ls /var/lib/old'
    guest_says $'again\nbroken\none\nsparse\nsub' 'ls /opt/app'
    guest_says '4755 0 0 2' 'stat -c "%a %u %g %h" /opt/app/one'
    guest_says "$(sha256sum <"$T/app/sparse")" 'sha256sum </opt/app/sparse'
    guest_says '../one /nowhere two 750' \
        'echo $(readlink /opt/app/sub/link) $(readlink /opt/app/broken) $(cat /sub/two) $(stat -c %a /sub)'
    guest_says $'app\none' 'ls /opt' # what the file put there is removed
    guest_says 'empty' 'ls -d /sub/empty | cut -c6-'
    guest_says "$(date -r "$T/app/one" +%s)" 'stat -c %Y /opt/one'
}
check_all
run_ok msb stop -q -t 5 box
need e2fsck
run_ok e2fsck -fn "$MSB_HOME/sandboxes/box/upper.ext4"
run_ok msb start -q box
check_all
run_ok msb rm -q -f box

# The order of the command line counts.
run_ok msb run -q --mkdir /a/b --rm /a --copy "$T/app/one:/a" patched -- cat /a
assert_eq "$out" one
run_fail 1 "patch 'remove' of /x/y.*'x' is not a directory" msb run -q --copy "$T/app/one:/x" --rm /x/y patched -- true

# What cannot be done is said, and leaves nothing.
refused() { # REGEX ARGUMENT...
    run_fail 1 "$1" msb create -q -n box "${@:2}" patched
    run_ok msb ls -q
    assert_eq "$out" ""
    assert_eq "$(ls "$MSB_HOME/sandboxes")" ""
}
refused "path exists in the image: '/etc/app/conf'" --copy-file "$T/app/one:/etc/app/conf"
refused "path exists in the image: '/usr'" --copy-dir "$T/app:/usr"
refused "'$T/app' is not a regular file" --copy-file "$T/app:/x"
refused "'$T/app/one' is not a directory" --copy-dir "$T/app/one:/x"
refused "cannot copy '$T/gone'" --copy "$T/gone:/x"
refused "'relative' must be absolute" --mkdir relative
refused "may not contain '..'" --rm /a/../b
refused "cannot replace the guest's root" --rm /
refused "expected SOURCE:/DESTINATION" --copy "$T/app"
refused "it is there, and not a directory" --mkdir /etc/app/conf
mkfifo "$T/fifo"
refused "'$T/fifo' is not a file or directory" --copy "$T/fifo:/x"
mkdir "$T/odd"
mkfifo "$T/odd/fifo"
refused "odd/fifo. is a FIFO" --copy "$T/odd:/x"
conf() { # TEXT: as --fs-conf
    printf '%s\n' "$1" >"$T/conf.yaml"
}
conf '- append: {path: /none, content: x}'
refused "no such file to append to" --fs-conf "$T/conf.yaml"
conf '- mkdri: {path: /x}'
run_fail 1 "did you mean 'mkdir'" msb create -q -n box --fs-conf "$T/conf.yaml" patched
refused "unknown kind of patch 'mkdri'" --fs-conf "$T/conf.yaml"
conf 'patch: []'
refused "'patch' is unknown" --fs-conf "$T/conf.yaml"
refused "cannot read '$T/none.yaml'" --fs-conf "$T/none.yaml"
run_fail 2 "did you mean '--copy-dir'" msb create -q --copy-dirs "$T/app:/x" patched

# A snapshot has its own files.
run_ok msb create -q -n box patched
run_ok msb stop -q -t 5 box
run_ok msb snapshot create -q before --from box
run_fail 1 "patches are for images" msb create -q -n fork --from before --mkdir /x

# More than there is room for: an error, not a damaged sandbox.
head -c 200M /dev/zero | tr '\0' x >"$T/large"
run_fail 1 "no room|No space" msb create -q -n full --root-disk 128M --copy "$T/large:/large" patched
assert_eq "$(ls "$MSB_HOME/sandboxes")" box
