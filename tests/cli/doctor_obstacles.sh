#!/usr/bin/env bash
# A host whose settings keep jails from being built: doctor names the setting and the remedy, and so do the errors of
# commands that need a jail. Settings that cannot be made here are tested in jail_test.
. "$(dirname "$0")/../lib.sh"
need unshare
unshare -Ur true 2>/dev/null || skip "this host forbids user namespaces"

# In a user namespace of its own the limit is its own, too.
forbidden() {
    unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' sh "$@"
}
run forbidden "$MSB" doctor
assert_eq "$code" 1 "exit code"
assert_match "$out" '^✗ jail '
assert_contains "$out" 'user.max_user_namespaces is 0'
assert_contains "$out" 'sysctl -w user.max_user_namespaces=65536'

if compgen -G "$MSB_BUILD/share/microsandbox/kernels/*/manifest.json" >/dev/null; then
    run_fail any 'user.max_user_namespaces is 0' forbidden "$MSB" run -- true
fi
no_leftovers
