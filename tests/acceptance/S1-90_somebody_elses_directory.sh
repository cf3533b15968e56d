#!/usr/bin/env bash
# Bind mounting a directory that the caller does not own boots and works, without EPERM: attributes that cannot be kept
# are ignored.
. "$(dirname "$0")/../lib.sh"
need_kernel

name=msb-s1-90-$$
try() {
    run_ok "$@" run -q -- true # prints the notice about isolation, which comes once
    run_ok "$@" run -v /tmp:/host-tmp -- sh -c "cd /host-tmp && ls >/dev/null && echo x >$name && cat $name &&
        chown 5:5 . && chmod 600 $name && mv $name $name.2 && rm $name.2"
    assert_eq "$out" x
    assert_eq "$err" ""
    assert_eq "$(find /tmp -maxdepth 1 -name "$name*")" "" "left in /tmp"
    assert_eq "$(stat -c %a /tmp)" 1777
}
try msb

# As somebody who does not own /tmp, or anything else there.
need_root # to become another user
need setpriv
[ "$(cat /proc/sys/kernel/unprivileged_userns_clone 2>/dev/null || echo 1)" = 1 ] ||
    skip "this host forbids user namespaces to ordinary users"
mkdir -p "$T/msb/bin" "$T/msb/share"
cp "$MSB" "$T/msb/bin/"
cp -r "$MSB_BUILD/libexec" "$T/msb/"
cp -rL "$MSB_BUILD/share/microsandbox" "$T/msb/share/"
chmod 755 "$T"
chown -R 12345:12345 "$T"
as_another() {
    setpriv --reuid=12345 --regid=12345 --clear-groups --no-new-privs env HOME="$T" MSB_HOME="$MSB_HOME" "$@"
}
try as_another "$T/msb/bin/msb"

# Files that they may read, and may not change.
theirs=$(mktemp -d /tmp/msb-s1-90.XXXXXX)
echo theirs >"$theirs/file"
chmod 755 "$theirs"
run as_another "$T/msb/bin/msb" run -v "$theirs:/x" -- sh -c 'cat /x/file; chown 1:1 /x/file; stat -c %u:%g /x/file
    echo no >/x/file; touch /x/new; true'
left=$(cat "$theirs"/*)
rm -r "$theirs"
assert_eq "$out" "theirs
65534:65534"
assert_match "$err" 'Permission denied'
assert_eq "$left" theirs
no_leftovers
