#!/usr/bin/env bash
# -v, --mount-dir and --mount-file: what a guest can do with files and directories of the host, and what the
# host then has.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel

mkdir -p "$T/dir/sub"
echo 'from the host' >"$T/dir/file"
ln -s /etc/passwd "$T/dir/link"
echo outside >"$T/outside"

run_ok msb run -v "$T/dir:/x" -- cat /x/file
assert_eq "$out" "from the host"

# Both directions, in place.
run_ok msb run -v "$T/dir:/x" -- sh -c 'cd /x && mkdir made && echo guest >made/file && mv made/file sub/moved &&
    rmdir made && ln -s sub/moved symbolic && ln sub/moved hard && chmod 755 hard && echo more >>file'
assert_eq "$(cat "$T/dir/sub/moved")" guest
assert_eq "$(cat "$T/dir/file")" "from the host
more"
assert_eq "$(readlink "$T/dir/symbolic")" sub/moved
assert_eq "$(stat -c %h "$T/dir/hard")" 2
[ "$(stat -c %u "$T/dir/hard")" = "$(id -u)" ] || fail_test "a file of the guest is not the user's"

# Links lead to the guest's files only, and there is no way up.
run_ok msb run -v "$T/dir:/x" -- sh -c '[ "$(cat /x/link)" = "$(cat /etc/passwd)" ] && ls /x/..'
assert_not_contains "$out" outside
run_fail any '' msb run -v "$T/dir:/x" -- cat /x/../outside

# A relative source; options; the flags hold on the host as well.
cd "$T"
run_ok msb run -v ./dir:/x:ro -- sh -c 'cat /x/file; echo no >/x/file; rm -f /x/file; mount -o remount,rw /x; touch /x/new; true'
assert_contains "$out" "from the host"
assert_contains "$err" "Read-only file system"
assert_eq "$(head -n 1 dir/file)" "from the host"
[ ! -e dir/new ] || fail_test "the guest wrote to a read-only mount"
printf '#!/bin/sh\necho executed\n' >dir/script
chmod 755 dir/script
run_ok msb run -v ./dir:/x -- /x/script
assert_eq "$out" executed
run_fail 126 '' msb run -v ./dir:/x:noexec -- /x/script
run_ok msb run -v ./dir:/x:noexec,nosuid,nodev,rw -- grep ' /x virtiofs' /proc/mounts
assert_match "$out" 'rw,nosuid,nodev,noexec'

# A single file: that file and no other.
run_ok msb run -v ./dir/file:/etc/conf/one -- sh -c 'cat /etc/conf/one && ls -A /etc/conf && echo changed >/etc/conf/one && umount /etc/conf/one'
assert_contains "$out" "from the host"
assert_contains "$out" one
assert_eq "$(cat dir/file)" changed
run_ok msb run --mount-file ./dir/file:/f:ro --mount-dir ./dir:/d -- sh -c 'cat /f /d/file; echo no >/f; true'
assert_eq "$out" "changed
changed"
assert_contains "$err" "Read-only"

# Parents before children, whatever the order.
mkdir -p outer/inner other
echo inner >other/name
run_ok msb run -v ./other:/x/inner -v ./outer:/x -- cat /x/inner/name
assert_eq "$out" inner

# What the host changes is seen.
run_ok msb create -q -n box -v "$T/dir:/x"
run_ok msb exec box -- cat /x/file
echo again >dir/file
reads() { [ "$(msb exec box -- cat /x/file 2>&1)" = "$1" ]; }
eventually 10 reads again
rm dir/file
eventually 10 reads "cat: can't open '/x/file': No such file or directory"

# Seen by inspect, and mounted again by start.
run_ok msb inspect box
assert_contains "$out" "/x"
assert_contains "$out" "→ $T/dir"
run_ok msb inspect box --format json
assert_contains "$out" '"guest": "/x"'
run_ok msb stop -q box
echo later >dir/file
run_ok msb start -q box
run_ok msb exec box -- cat /x/file
assert_eq "$out" later
run_ok msb stop -q box
mv dir gone
run_fail 1 '→ mount: ' msb start box
mv gone dir
run_ok msb start -q box
run_ok msb rm -q -f box

# A directory of somebody else.
run_ok msb run -v /tmp:/host-tmp -- sh -c 'echo x >/host-tmp/msb-mounts-$$ && chown 5:5 /host-tmp && cat /host-tmp/msb-mounts-$$ && rm /host-tmp/msb-mounts-$$'
assert_eq "$out" x

# Grammar.
run_fail any "a volume's name starts with" msb run -v some/data:/x -- true
run_fail any 'expected SOURCE:/GUEST' msb run -v "$T/dir" -- true
run_fail any 'expected SOURCE:/GUEST' msb run -v "$T/dir:relative" -- true
run_fail any "may not contain '\.\.'" msb run -v "$T/dir:/a/../b" -- true
run_fail any "guest's root" msb run -v "$T/dir:/" -- true
run_fail any 'two mounts on one guest path' msb run -v "$T/dir:/x" -v "$T/dir:/x/" -- true
run_fail any "unknown option 'bad'" msb run -v "$T/dir:/x:bad" -- true
run_fail any 'more than once' msb run -v "$T/dir:/x:ro,rw" -- true
run_fail any 'more than once' msb run -v "$T/dir:/x:noexec,noexec" -- true
run_fail any 'stat-virt is strict' msb run -v "$T/dir:/x:stat-virt=maybe" -- true
run_fail any 'means nothing' msb run -v "$T/dir:/x:stat-virt=off,host-perms=mirror" -- true
run_fail any ":/x:ro" msb run -v "$T/dir:/x,ro" -- true
run_fail any 'lies below a file' msb run -v "$T/outside:/x" -v "$T/dir:/x/y" -- true
run_fail any 'mount-dir source is not a directory: ' msb run --mount-dir "$T/outside:/x" -- true
run_fail any 'mount-file source is not a regular file: ' msb create -n box --mount-file "$T/dir:/x"
run_fail any 'mount-dir source is not a directory: ' msb create -n box --mount-dir "$T/none:/x"

run_fail 1 'procfs cannot be shared' msb run -v /proc:/x -- true

# The way to a source has no links, unless asked for.
ln -s dir way
run_fail 1 'symbolic link' msb run -v "$T/way:/x" -- true
run_ok msb run -v "$T/way:/x:follow-root-symlinks" -- cat /x/file
no_leftovers
