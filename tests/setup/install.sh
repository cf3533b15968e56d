#!/usr/bin/env bash
# What is installed works without the tree it came from, also for another user.
. "$(dirname "$0")/../lib.sh"
need_kernel
chmod 755 "$T"
DESTDIR=$T/dest cmake --install "$MSB_BUILD" --prefix /opt/msb --strip >"$T/install.log"
installed=$T/dest/opt/msb
assert_path "$installed/bin/microsandbox"
if grep -rIl -- "$SOURCE_DIR" "$installed"; then fail_test "the installed files name the source tree"; fi
[ -z "$(find "$installed" -type l ! -name microsandbox -printf '%f %l\n' | grep -v '^libmicrosandbox[^/]* libmicrosandbox[^/]*$')" ] || fail_test "links lead out of the installed tree"
[ -z "$(find "$installed" ! -type l ! -perm -o=r)" ] || fail_test "not readable by everybody"

# Elsewhere, with nothing of ours in the environment.
mv "$T/dest/opt/msb" "$T/moved place"
cd /
run_ok env -i PATH=/usr/bin:/bin MSB_HOME="$MSB_HOME" "$T/moved place/bin/msb" run -q -- echo installed
assert_eq "$out" installed
run_ok env -i PATH=/usr/bin:/bin MSB_HOME="$MSB_HOME" "$T/moved place/bin/microsandbox" doctor
if [ "$(id -u)" -eq 0 ]; then
    mkdir -m 700 "$T/other" && chown 12345:12345 "$T/other"
    run_ok setpriv --reuid 12345 --regid 12345 --clear-groups env -i PATH=/usr/bin:/bin HOME="$T/other" \
        "$T/moved place/bin/msb" run -q -- id -u
    assert_eq "$out" 0
fi
no_leftovers
