#!/usr/bin/env bash
# What POSIX promises of a file system holds on a share, but for what docs/mounts.md lists.
# ctest: timeout=200
. "$(dirname "$0")/../lib.sh"
need_kernel
need_root # others may not make devices, nor what belongs to somebody else

mkdir "$T/dir" "$T/host"
setfattr -n user.probe -v 1 "$T/dir" 2>/dev/null || skip "no user attributes on this file system"
posix_fs=$MSB_BUILD/tools/posix_fs
# The rules themselves: a file system of the host keeps them all.
chmod 755 "$T"
run_ok "$posix_fs" "$T/host"
cp "$posix_fs" "$T/dir/"

links='lchown: of a link'
reserve='fallocate: beyond the size, which stays'
for options in rw cache=cached host-perms=mirror; do
    mkdir "$T/dir/w"
    run limited 100 msb run -v "$T/dir:/x:$options" -- /x/posix_fs /x/w "$links" "$reserve"
    assert_match "$out" ' rules, 0 wrong, 2 deviate'
    rm -rf "$T/dir/w"
done
mkdir "$T/dir/w"
run limited 100 msb run -v "$T/dir:/x:quota=unlimited" -- /x/posix_fs /x/w "$links"
assert_match "$out" ' rules, 0 wrong, 1 deviate'
no_leftovers
