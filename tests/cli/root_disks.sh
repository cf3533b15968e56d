#!/usr/bin/env bash
# --root-disk: a managed or flat one grows, also while the guest runs, one in memory is new at each start, a flat one has the
# image's files itself, a file of the user's stays his; and a disk image in the place of an image.
. "$(dirname "$0")/../lib.sh"
need_kernel
need_root # owners
need e2fsck mkfs.ext4

tree=$T/tree
make_rootfs "$tree"
mkdir "$tree/srv"
chown 7:8 "$tree/srv"
chmod 2751 "$tree/srv"
ln "$tree/etc/group" "$tree/etc/group.again"
mknod "$tree/srv/null" c 1 3
mkfifo "$tree/srv/fifo"
new_image "$T/layout"
add_layer "$T/layout" "$tree"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t image
says() { # EXPECTED NAME COMMAND
    run_ok msb exec "$2" -- sh -c "$3"
    assert_eq "$out" "$1" "$3"
}
root_mib() { msb exec "$1" -- sh -c 'df -m / | tail -n 1 | tr -s " " | cut -d " " -f 2'; }

# Managed: it grows, and what was there stays.
run_ok msb create -q -n box --root-disk 256M image
run_ok msb exec box -- sh -c 'echo kept >/kept'
[ "$(root_mib box)" -lt 256 ] || fail_test "more than 256 MiB"
# The guest has the room when the command returns, and again after a restart; what it writes there is there.
run_ok msb modify box --root-disk 384M
[ "$(root_mib box)" -gt 300 ] || fail_test "it did not grow while it ran: $(root_mib box) MiB"
run_ok msb exec box -- sh -c 'dd if=/dev/zero of=/big bs=1M count=300 2>/dev/null && sync'
run_fail 1 'cannot shrink' msb modify box --root-disk 256M
run_ok msb modify box --root-disk 384M
run_ok msb stop -q -t 5 box
run_fail 1 'cannot shrink' msb modify box --root-disk 128M
run_ok msb modify box --root-disk 384M
run_ok msb modify box --root-disk 1G
run_ok msb inspect box
assert_match "$out" 'Root Disk: +1024 MiB \(managed, ext4\)'
run_ok msb start -q box
says kept box 'cat /kept'
[ "$(root_mib box)" -gt 900 ] || fail_test "it did not grow: $(root_mib box) MiB"
run_ok msb stop -q -t 5 box
run_ok e2fsck -fn "$MSB_HOME/sandboxes/box/upper.ext4"
run_ok msb rm -q box

# In memory: no file, and nothing stays.
run_ok msb create -q -n box -m 256M --root-disk tmpfs:100M image
assert_eq "$(root_mib box)" 100
run_ok msb modify box --root-disk 110M
assert_match "$err" 'from the next start on'
assert_eq "$(root_mib box)" 100
run_ok msb exec box -- sh -c 'echo gone >/gone'
run_ok msb stop -q -t 5 box
assert_no_path "$MSB_HOME/sandboxes/box/upper.ext4"
run_fail 1 'uses a tmpfs root disk' msb snapshot create -q snap --from box
run_ok msb modify box --root-disk 120M
run_ok msb start -q box
assert_eq "$(root_mib box)" 120
run_fail 1 '' msb exec box -- test -e /gone
run_ok msb rm -q -f box
run_fail 1 'does not fit into 256 MiB' msb run -q -m 256M --root-disk tmpfs:1G image -- true

# Flat: the image's files, as they are there.
run_ok msb create -q -n box --root-disk flat:1G --mkdir /patched image
says 'ext4' box 'grep " / " /proc/mounts | cut -d " " -f 3'
says '2751 7 8' box 'stat -c "%a %u %g" /srv'
says '2 character special file 1,3 fifo' box \
    'echo $(stat -c %h /etc/group.again) $(stat -c "%F %t,%T" /srv/null) $(stat -c %F /srv/fifo)'
says '/patched' box 'ls -d /patched'
run_ok msb exec box -- sh -c 'echo kept >/kept; rm /etc/group.again'
run_ok msb stop -q -t 5 box
run_ok e2fsck -fn "$MSB_HOME/sandboxes/box/rootfs.raw"
run_ok msb modify box --root-disk 2G
run_ok msb start -q box
says kept box 'cat /kept'
[ "$(root_mib box)" -gt 1800 ] || fail_test "the flat disk did not grow"
run_ok msb modify box --root-disk 3G
[ "$(root_mib box)" -gt 2800 ] || fail_test "the flat disk did not grow while it was in use"
# It can be kept and forked as a managed one can, also while it is in use; only it cannot be compared with its image.
run_ok msb exec box -- sh -c 'echo snap >/snapped'
run_ok msb stop -q -t 5 box
run_ok msb snapshot create -q --integrity flat --from box
run_ok msb snapshot open flat
assert_match "$out" 'Root Disk: +flat'
run_fail 1 'cannot be compared' msb snapshot diff flat flat
run_ok msb snapshot export flat "$T/flat.tar.zst"
run_ok msb snapshot rm -q flat
run_ok msb snapshot import "$T/flat.tar.zst"
run_ok msb run -q --from flat --root-disk 4G -- sh -c 'cat /snapped; ls /etc/group; grep " / " /proc/mounts | cut -d " " -f 3; df -m / | tail -n 1 | tr -s " " | cut -d " " -f 2'
assert_match "$(tr "\n" " " <<<"$out")" "snap /etc/group ext4 39"
run_fail 1 'cannot be compared' msb diff box
run_ok msb fork box other
says kept other 'cat /kept'
says snap other 'cat /snapped'
run_ok msb rm -q -f other
run_ok msb rm -q -f box
run_ok msb run -q --root-disk flat,clone=copy image -- true
run_fail 1 'has at least [0-9]+ MiB' msb run -q --root-disk flat:128M image -- true

# A file of the user's: over the image, and as the whole root.
truncate -s 200M "$T/upper.img"
mkfs.ext4 -q "$T/upper.img"
run_ok msb run -q --root-disk "$T/upper.img" image -- sh -c 'echo kept >/kept'
cd "$T"
run_ok msb run -q --root-disk ./upper.img:format=raw,fstype=ext4 image -- cat /kept
cd /
assert_eq "$out" kept
run_ok e2fsck -fn "$T/upper.img"
run_ok msb create -q -n box --root-disk "$T/upper.img" image
run_fail 1 'in use by another sandbox' msb run -q --root-disk "$T/upper.img" image -- true
run_ok msb stop -q -t 5 box
run_fail 1 'user-owned disk image' msb snapshot create -q snap --from box
run_fail 1 "is not msb's" msb modify box --root-disk 1G
run_ok msb rm -q box
assert_path "$T/upper.img"
truncate -s 200M "$T/root.img"
mkfs.ext4 -q -d "$tree" "$T/root.img"
run_ok msb run -q "$T/root.img" -- sh -c 'echo kept >/kept; sync'
run_ok msb run -q "$T/root.img:fstype=ext4" -- cat /kept
assert_eq "$out" kept
run_ok e2fsck -fn "$T/root.img"

# Mistakes.
run_fail 1 "'10Q' is no size" msb run -q --root-disk 10Q image -- true
run_fail 1 "unknown option 'colour=red'" msb run -q --root-disk flat:1G,colour=red image -- true
run_fail 1 'No such file' msb run -q --root-disk "$T/none.img" image -- true
run_fail 1 'no disk image' msb run -q "$T/none.img" -- true
run_fail 1 'only for images' msb run -q --root-disk 1G "$T/root.img" -- true
run_fail 1 'need a root disk of msb' msb run -q --root-disk tmpfs --mkdir /x image -- true
run_fail 1 'a snapshot has its own root disk' msb run -q --root-disk tmpfs --from-snapshot x -- true
no_leftovers
