#!/usr/bin/env bash
# ctest: timeout=600
# systemd of Debian 12 and 13 as process 1: all that it starts does start, on every kernel ("running", not "degraded").
. "$(dirname "$0")/../lib.sh"
need_kernel
need umoci mmdebstrap

# settled NAME: systemd has started everything, or given up on some of it.
settled() {
    state=$(msb exec "$1" -- systemctl is-system-running 2>/dev/null || :)
    case $state in running | degraded | maintenance) ;; *) return 1 ;; esac
}

for suite in bookworm trixie; do
    DEBIAN_SUITE=$suite debian_rootfs "$T/root.tar" systemd systemd-sysv dbus udev kmod procps iproute2
    mkdir "$T/root"
    tar -C "$T/root" -xf "$T/root.tar" --exclude='./dev/*'
    new_image "$T/$suite" --config.stopsignal SIGRTMIN+3
    add_layer "$T/$suite" "$T/root"
    pack_oci "$T/$suite" "$T/image.tar"
    rm -rf "$T/root"
    run_ok msb load -q -i "$T/image.tar" -t "$suite"
    for kernel in "$MSB_BUILD"/share/microsandbox/kernels/uml-*; do
        name=${kernel##*/}
        run_ok msb create -q -n box --kernel "$name" --init auto "$suite"
        eventually 90 settled box
        run msb exec box -- systemctl --failed --no-legend --no-pager
        assert_eq "$state: $out" "running: " "systemd of $suite on $name"
        run_ok msb rm -q -f box
    done
done
no_leftovers
