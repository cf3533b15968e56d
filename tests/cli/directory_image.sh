#!/usr/bin/env bash
# A directory in the place of an image: its files as they are at that moment, read-only below a disk of the sandbox's own,
# made into an image again only when something in it has changed.
. "$(dirname "$0")/../lib.sh"
need_kernel
need_root # owners, device nodes, mounts

tree=$T/tree
make_rootfs "$tree"
mkdir "$tree/srv" "$tree/other"
chown 7:8 "$tree/srv"
chmod 2751 "$tree/srv"
ln "$tree/etc/group" "$tree/etc/group.again"
mknod "$tree/srv/null" c 1 3
mkfifo "$tree/srv/fifo"
ln -s ../etc/group "$tree/srv/link"
truncate -s 100M "$tree/srv/hole"
printf 'name \xff' >"$tree/srv/$(printf 'n\xff')"
python3 -c "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$tree/srv/socket"
mount -t tmpfs none "$tree/other"
trap 'umount -l "$tree/other" || :; finish' EXIT
echo hidden >"$tree/other/file"
sleep 0.1 # or it would be read again: it has just changed

packed() { find "$MSB_HOME/cache/images" -name 'pinned-*' | wc -l; }
run_ok msb run -q "$tree" -- sh -c 'stat -c "%a %u %g" /srv; stat -c %h /etc/group; stat -c "%F %t,%T" /srv/null; stat -c %F /srv/fifo
    readlink /srv/link; stat -c %s /srv/hole; cat /srv/n*; echo; ls -A /other | wc -l; [ ! -e /srv/socket ] && echo written >/srv/new && rm -r /etc'
assert_eq "$out" "2751 7 8
2
character special file 1,3
fifo
../etc/group
104857600
$(printf 'name \xff')
0"
assert_no_path "$tree/srv/new"
assert_path "$tree/etc/group"
assert_eq "$(packed)" 1

# The same again, by another way to it, is not read again; a changed one is, and whoever has the old one keeps it.
before=$(stat -c %Y.%Z "$MSB_HOME"/cache/blobs)
run_ok msb create -q -n old "$tree"
ln -s "$tree" "$T/link"
cd "$T"
run_ok msb run -q ./link -- true
assert_eq "$(packed) $(stat -c %Y.%Z "$MSB_HOME"/cache/blobs)" "1 $before"
run_ok msb inspect old
assert_match "$out" "Image: +$tree"
echo new >"$tree/srv/changed"
run_ok msb run -q ./tree -- cat /srv/changed
assert_eq "$out" new
run_fail 1 '' msb exec old -- test -e /srv/changed
run_ok msb stop -q -t 5 old
rm -r "${tree:?}/srv"
run_ok msb prune --yes
run_ok msb start -q old
run_fail 1 '' msb exec old -- test -e /srv/changed
run_ok msb exec old -- test -e /srv/fifo

# All that images can be: patched, flat, in a snapshot that goes elsewhere with it.
run_ok msb run -q --mkdir /patched --root-disk flat:256M ./tree -- ls -d /patched
run_ok msb exec old -- sh -c 'echo kept >/kept'
run_ok msb stop -q -t 5 old
run_ok msb snapshot create -q snap --from old
run_ok msb snapshot export --with-image snap "$T/snap.tar.zst"
mkdir "$T/elsewhere"
MSB_HOME=$T/elsewhere run_ok msb snapshot import "$T/snap.tar.zst"
MSB_HOME=$T/elsewhere run_ok msb run -q --from snap -- cat /kept
assert_eq "$out" kept

# A user's own files are root's in the guest.
if runuser -u nobody -- test -x "$MSB" 2>/dev/null; then
    run_ok msb run -q ./tree -- stat -c %u /etc
    assert_eq "$out" 0
fi

# Mistakes.
run_fail 1 'no disk image or directory: .*none' msb run -q ./none -- true
run_fail 1 'a directory has no fstype' msb run -q ./tree:fstype=ext4 -- true
run_fail 1 'msb keeps its own files in it' msb run -q / -- true
run_fail 1 'msb keeps its own files in it' msb run -q "$(dirname "$MSB_HOME")" -- true
mkdir empty
run_fail any 'not found|No such file' msb run -q ./empty -- true
run_ok msb rm -q old
no_leftovers
