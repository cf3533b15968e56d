#!/usr/bin/env bash
# --tmpfs, --mount-owned and --mount-disk: what a guest sees, and what is refused.
. "$(dirname "$0")/../lib.sh"
need_kernel

# tmpfs: PATH, PATH:SIZE, PATH:OPTIONS, PATH:SIZE:OPTIONS.
run_ok msb run --tmpfs /a --tmpfs /b:16M --tmpfs /c:noexec,size=8M --tmpfs /d:4M:ro --tmpfs /tmp -- \
    sh -c 'grep " tmpfs " /proc/mounts | grep -E " /(a|b|c|d|tmp) " | sort -k2; echo x >/tmp/x; stat -c %a /tmp /a'
assert_match "$out" ' /b tmpfs rw,.*size=16384k'
assert_match "$out" ' /c tmpfs rw,noexec.*size=8192k'
assert_match "$out" ' /d tmpfs ro,.*size=4096k'
assert_match "$out" $'1777\n755'
run_fail any 'tmpfs size specified more than once' msb run --tmpfs /x:4M:size=8M -- true
run_fail any 'must be absolute' msb run --tmpfs rel -- true
run_fail any "unknown option 'quota'" msb run --tmpfs /x:quota=1G -- true
run_fail any 'invalid size' msb run --tmpfs /x:0 -- true

# Mounts of all kinds, one below the other, parents first.
msb volume create -q deep
mkdir "$T/dir"
echo host >"$T/dir/file"
run_ok msb run -v "$T/dir:/m/host/dir" --tmpfs /m -v deep:/m/host -- sh -c 'cat /m/host/dir/file; cut -d" " -f2 /proc/mounts | grep ^/m'
assert_eq "$out" $'host\n/m\n/m/host\n/m/host/dir'

# Owned storage stays over stop and start, goes with the sandbox, and is nobody else's.
run_ok msb create -q -n own --mount-owned /o --mount-owned /k:kind=disk,size=200M
run_ok msb exec own -- sh -c 'echo dir >/o/file && echo disk >/k/file'
run_ok msb stop -q own
run_ok msb exec own -- cat /o/file /k/file
assert_eq "$out" $'dir\ndisk'
run_ok msb inspect own
assert_match "$out" '/o: *→ owned directory'
assert_match "$out" '/k: *→ owned ext4 disk \(200 MiB\)'
run_ok msb volume ls -q
assert_eq "$out" deep
# A copy has its own.
run_ok msb start -q own
run_fail any "stop it first" msb fork -q own child
run_ok msb stop -q own
run_ok msb fork -q own child
run_ok msb exec child -- sh -c 'cat /o/file /k/file && echo changed >/o/file && echo changed >/k/file'
assert_eq "$out" $'dir\ndisk'
run_ok msb exec own -- cat /o/file /k/file
assert_eq "$out" $'dir\ndisk'
run_ok msb rm -q -f child
# What is missing is not made anew, and a link in its place is not followed.
run_ok msb stop -q own
owned=$(find "$MSB_HOME/sandboxes/own/owned" -mindepth 1 -maxdepth 1 -type d)
mv "$owned" "$T/away"
run_fail any "cannot mount on /o" msb start own
ln -s "$T/dir" "$owned"
run_fail any "cannot mount on /o" msb start own
rm "$owned"
mv "$T/away" "$owned"
run_ok msb exec own -- cat /o/file
run_ok msb rm -q -f own
assert_no_path "$MSB_HOME/sandboxes/own"
run_fail any "unknown option 'follow-root-symlinks'" msb run --mount-owned /o:follow-root-symlinks -- true
run_fail any 'kind=disk needs a size' msb run --mount-owned /o:kind=disk -- true

# Raw images: the format is the name's, or what is said; never what the content looks like.
truncate -s 64M "$T/disk.raw"
mkfs.ext4 -q "$T/disk.raw"
cp "$T/disk.raw" "$T/disk.img"
run_ok msb run --mount-disk "$T/disk.raw:/d" -- sh -c 'grep -o " /d ext4 rw" /proc/mounts && echo kept >/d/file'
assert_eq "$out" " /d ext4 rw"
run_ok e2fsck -fn "$T/disk.raw"
run_ok msb run --mount-disk "$T/disk.raw:/d:ro,noexec" --mount-disk "$T/disk.img:/e:fstype=ext4,format=raw" -- \
    sh -c 'cat /d/file; touch /d/x 2>/dev/null || echo read-only; grep -o " /d ext4 ro,noexec" /proc/mounts'
assert_eq "$out" $'kept\nread-only\n /d ext4 ro,noexec'
run_fail any 'one disk image can be mounted once' msb run --mount-disk "$T/disk.raw:/d" --mount-disk "$T/disk.raw:/e" -- true
run_fail any "mount-disk source is not a regular file: $T/none" msb run --mount-disk "$T/none:/d" -- true
run_fail any "mount-disk source is not a regular file: $T/dir" msb run --mount-disk "$T/dir:/d" -- true
run_fail any 'format is raw, qcow2 or vmdk' msb run --mount-disk "$T/disk.raw:/d:format=vdi" -- true
run_fail any "unknown option 'stat-virt'" msb run --mount-disk "$T/disk.raw:/d:stat-virt=off" -- true
run_fail any "fstype may not" msb run --mount-disk "$T/disk.raw:/d:fstype=a=b" -- true
run_fail any "" msb run --mount-disk "$T/disk.raw:/d:fstype=xyzfs" -- true
truncate -s 100 "$T/short.raw"
run_fail any 'not a multiple of 512' msb run --mount-disk "$T/short.raw:/d" -- true
printf 'QFI\373' | dd of="$T/disk.img" conv=notrunc status=none
run_ok msb run --mount-disk "$T/disk.img:/d" -- grep -o ' /d ext4 rw' /proc/mounts
run_fail any 'in use by another sandbox' sh -c "$MSB create -q -n holder --mount-disk '$T/disk.raw:/d' && $MSB run --mount-disk '$T/disk.raw:/d:ro' -- true"
run_ok msb rm -q -f holder
no_leftovers
