#!/usr/bin/env bash
# An ordinary user runs sandboxes: nothing needs root.
. "$(dirname "$0")/../lib.sh"
need_kernel
need_root # to become another user
need setpriv
[ "$(cat /proc/sys/kernel/unprivileged_userns_clone 2>/dev/null || echo 1)" = 1 ] ||
    skip "this host forbids user namespaces to ordinary users"
# The build and the kernel cache may be where only root can look: copy what is installed.
mkdir -p "$T/msb/bin" "$T/msb/share"
cp "$MSB" "$T/msb/bin/"
cp -r "$MSB_BUILD/libexec" "$T/msb/"
cp -rL "$MSB_BUILD/share/microsandbox" "$T/msb/share/"
chmod 755 "$T"

run_ok as_user "$T/msb/bin/msb" run -q -- sh -c 'echo "$(id -u) $(cat /proc/1/comm)"; touch /root/x && echo wrote'
assert_eq "$out" $'0 init\nwrote'
run_ok as_user "$T/msb/bin/msb" create -q -n mine
run_ok as_user "$T/msb/bin/msb" exec mine -- echo hello
assert_eq "$out" hello
run_ok as_user "$T/msb/bin/msb" rm -q -f mine
no_leftovers
