#!/usr/bin/env bash
# ro, rw, noexec, nosuid, nodev, stat-virt= and host-perms=, each once; anything else is an error.
. "$(dirname "$0")/../lib.sh"
need_kernel

mkdir "$T/dir"
in_guest='cd /d && umask 022 && touch f && mkdir s && chown 7:8 f && chmod 4751 f && stat -c "%u:%g %a" f'
host_modes() { stat -c %a "$T/dir/f" "$T/dir/s" | tr '\n' ' '; }
again() { rm -rf "$T/dir/f" "$T/dir/s"; }

if setfattr -n user.probe -v 1 "$T/dir" 2>/dev/null; then
    for virtualised in "" :stat-virt=strict :stat-virt=relaxed :host-perms=private; do
        run_ok msb run --mount-dir "$T/dir:/d$virtualised" -- sh -c "$in_guest"
        assert_eq "$out" "7:8 4751"
        assert_eq "$(host_modes)" "700 700 " # it can be executed here as well
        assert_eq "$(stat -c %u:%g "$T/dir/f")" "$(id -u):$(id -g)"
        again
    done
    run_ok msb run --mount-dir "$T/dir:/d:host-perms=mirror" -- sh -c "$in_guest"
    assert_eq "$out" "7:8 4751"
    assert_eq "$(host_modes)" "751 755 "
    again
    # Kept beside the file: the next guest sees the same.
    run_ok msb run -v "$T/dir:/d" -- sh -c "$in_guest && mknod p p && mknod null c 1 3"
    run_ok msb run -v "$T/dir:/d" -- sh -c 'cd /d && stat -c "%u:%g %a" f && [ -p p ] && [ -c null ] && echo x >null'
    assert_eq "$out" "7:8 4751"
    assert_eq "$(stat -c %F "$T/dir/null" "$T/dir/p" | sort -u)" "regular empty file"
    again
fi
run_fail any 'not permitted' msb run --mount-dir "$T/dir:/d:stat-virt=off" -- sh -c "$in_guest"
run_ok msb run -v "$T/dir:/d:stat-virt=off" -- sh -c 'cd /d && chmod 4751 f && stat -c "%a" f'
assert_eq "$(stat -c %a "$T/dir/f")" 751

for bad in bad fstype=ext4 format=raw suid exec dev stat-virt host-perms=none stat-virt= ro,ro noexec,noexec \
    stat-virt=off,stat-virt=off ""; do
    run_fail any "--mount-dir '.*/d:$bad': " msb run --mount-dir "$T/dir:/d:$bad" -- true
done

# The same of a file, where what a disk has (a file system, a format) is named in the error.
echo content >"$T/file"
for good in ro rw noexec nosuid nodev ro,noexec,nosuid,nodev stat-virt=off stat-virt=relaxed; do
    run_ok msb run --mount-file "$T/file:/f:$good" -- cat /f
    assert_eq "$out" content "the file with $good"
done
for bad in fstype=ext4 format=raw size=1G kind=file; do
    run_fail any "--mount-file '.*/f:$bad': unknown option '${bad%=*}'" msb run --mount-file "$T/file:/f:$bad" -- true
done
for bad in fstype fstype= ro,fstype=ext4; do
    run_fail any "--mount-file '.*/f:$bad': unknown option 'fstype'" msb create --mount-file "$T/file:/f:$bad"
done

# Of a disk image: flags, format= and fstype=, and nothing of shares.
truncate -s 64M "$T/disk.img"
mkfs.ext4 -q "$T/disk.img"
for good in ro rw noexec nosuid nodev ro,noexec,nosuid,nodev format=raw fstype=ext4 ro,format=raw,fstype=ext4; do
    run_ok msb run --mount-disk "$T/disk.img:/d:$good" -- grep -o ' /d ext4' /proc/mounts
done
for bad in stat-virt=strict host-perms=mirror follow-root-symlinks quota=1G uid=1,gid=1 cache=strict size=1G kind=disk; do
    run_fail any "--mount-disk '.*/d:$bad': unknown option '${bad%%=*}'" msb run --mount-disk "$T/disk.img:/d:$bad" -- true
done
for bad in format=vdi format= ro,rw format=raw,format=raw suid fstype=a:b; do
    run_fail any "" msb run --mount-disk "$T/disk.img:/d:$bad" -- true
done

# Of a volume: those of shares, and what says how it is made.
for good in ro noexec stat-virt=relaxed host-perms=mirror follow-root-symlinks kind=dir; do
    run_ok msb run --mount-named "data:/v:$good" -- true
done
for bad in format=raw fstype=ext4 kind=file size=1G quota=0; do
    run_fail any "--mount-named '.*/v:$bad': " msb run --mount-named "data:/v:$bad" -- true
done
run_ok msb ls -q
assert_eq "$out" "" "what a refused mount left"
no_leftovers
