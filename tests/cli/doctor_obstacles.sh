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

if compgen -G "$MSB_BUILD/share/microsandbox/kernels/uml-*/manifest.json" >/dev/null; then
    run_fail any 'user.max_user_namespaces is 0' forbidden "$MSB" run -- true
fi

# A home without exec is as good as any: nothing in it is executed. Programs and kernels are.
if [ "$(id -u)" -eq 0 ] && [ -d "$MSB_BUILD/share/microsandbox/kernels" ]; then
    noexec() {
        unshare -m --propagation private sh -c \
            'mount -t tmpfs -o noexec tmpfs "$0/noexec" && cp -rL "$0/kernel" "$0/noexec" && exec "$@"' "$T" "$@"
    }
    mkdir "$T/noexec"
    cp -rL "$(find "$MSB_BUILD/share/microsandbox/kernels/" -mindepth 1 -maxdepth 1 -name "uml-*" | head -n 1)" "$T/kernel"
    MSB_HOME=$T/noexec/home run_ok noexec "$MSB" run -- true
    run_fail any "'$T/noexec/kernel' is on a file system mounted noexec" noexec "$MSB" run --kernel "$T/noexec/kernel" -- true
    MSB_KERNEL=$T/noexec/kernel run noexec "$MSB" doctor
    assert_match "$out" '^✗ kernel '
    assert_contains "$out" "$T/noexec/kernel is on a file system mounted noexec"
fi
no_leftovers
