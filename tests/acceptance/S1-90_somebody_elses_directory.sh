#!/usr/bin/env bash
# Bind mounting a directory that the caller does not own boots and works, without EPERM: what cannot be kept
# about its files is ignored.
. "$(dirname "$0")/../lib.sh"
need_kernel

name=msb-s1-90-$$
try() {
    run_ok "$@" run -v /tmp:/host-tmp -- sh -c "cd /host-tmp && ls >/dev/null && echo x >$name && cat $name &&
        chown 5:5 . && chmod 600 $name && mv $name $name.2 && rm $name.2"
    assert_eq "$out" x
    assert_eq "$err" ""
    [ ! -e "/tmp/$name" ] && [ ! -e "/tmp/$name.2" ] || fail_test "left in /tmp"
    assert_eq "$(stat -c %a /tmp)" 1777
}
run_ok msb run -q -- true # says once what isolates
try msb

# As somebody who does not own /tmp, or anything else there.
[ "$(id -u)" -eq 0 ] || exit 0
chmod 755 "$T"
mkdir "$T/user"
chown 12345:12345 "$T/user"
as_user() {
    MSB_HOME=$T/user/home setpriv --reuid 12345 --regid 12345 --clear-groups "$MSB" "$@"
}
run as_user run -q -- true
[ "$code" -eq 0 ] || skip "an ordinary user cannot run this build: $err"
try as_user
no_leftovers
