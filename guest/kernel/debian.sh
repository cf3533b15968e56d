#!/bin/bash
# debian.sh: the bundle "uml-debian" from Debian's own user-mode-linux package: seconds instead of a
# kernel build. Prints the bundle's path last.
#
# Any suite of the machine's archive may be newer than the machine, so the kernel's libc comes from the
# same suite and travels in the bundle, and the binary is told to find it in /kernel: the folder where
# the bundle is mounted inside the engine's jail.
. "$(dirname "$0")/common.sh"

# Older kernels crash on CPUs with AMX state, or have no seccomp mode (6.16), or no SMP (6.19).
MINIMUM=7.0
# RAID checksum benchmarks at boot: 0.85 s for nothing.
CMDLINE=initcall_blacklist=raid6_init,calibrate_xor_blocks
# A process that has mapped a ring of io_uring and forks, as Node 20 does, corrupts memory and ends the
# guest (patches/set-ptes.patch, which this kernel does not have).
CMDLINE+=" sysctl.kernel.io_uring_disabled=2"

begin_bundle uml-debian

for suite in "$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")" testing sid; do
    # The machine's own suite is known without a download.
    if [ "$suite" != testing ] && [ "$suite" != sid ]; then
        version=$(apt-cache madison user-mode-linux 2>/dev/null | awk '{ print $3 }' | sort -rV | head -n 1)
        dpkg --compare-versions "${version:-0}" ge $MINIMUM || continue
    fi
    private_apt "$suite" || continue
    version=$(candidate user-mode-linux)
    if dpkg --compare-versions "${version:-0}" ge $MINIMUM; then
        found=$suite
        break
    fi
done
[ -n "${found:-}" ] || die "no suite of this machine's Debian archive offers user-mode-linux >= $MINIMUM
(without network: a bundle in $KERNELS from another machine works too)"

say "Getting user-mode-linux $version and its libc from Debian $found"
unpack user-mode-linux "$WORK/root"
unpack libc6 "$WORK/root"
unpack libgcc-s1 "$WORK/root"

cd "$WORK/root"
loader=$(basename "$(patchelf --print-interpreter usr/bin/linux.uml)")
INTERPRETER_FILES=("$loader")
cp -L "$(find . -name "$loader" | head -n 1)" "$WORK/bundle/"
# libc loads libgcc_s by itself when a thread is cancelled, which happens at power-off, and looks for it
# where the program's RPATH (not RUNPATH) says.
for library in $(patchelf --print-needed usr/bin/linux.uml) libgcc_s.so.1; do
    cp -L "$(find . -name "$library" | head -n 1)" "$WORK/bundle/"
    INTERPRETER_FILES+=("$library")
done
cp usr/bin/linux.uml "$WORK/bundle/linux"
patchelf --set-interpreter "/kernel/$loader" --force-rpath --set-rpath /kernel "$WORK/bundle/linux"

# modules.dep: "path/m.ko: path/dependency.ko ...", nearest dependency first.
modules=$(echo usr/lib/uml/modules/*)
declare -A have
collect() {
    local name=${1//_/[-_]} line file
    line=$(grep -E "(^|/)$name\.ko[^ ]*:" "$modules/modules.dep" | head -n 1) || return 0
    for file in $(echo "${line#*:}" | tr ' ' '\n' | tac) "${line%%:*}"; do
        local ko=${file##*/}
        [ -z "${have[$ko]:-}" ] || continue
        have[$ko]=1
        FOUND+=("$ko")
        cp "$modules/$file" "$WORK/bundle/$ko"
        strip --strip-debug "$WORK/bundle/$ko"
    done
}
for kind in boot net mounts optional; do
    # shellcheck disable=SC2178 # a name for each list in turn
    declare -n FOUND=${kind^^}_MODULES
    while read -r name; do collect "$name"; done < <(awk -v k=$kind '$1 == k { print $2 }' "$KERNEL_DIR/modules.txt")
done

index_modules "${modules##*/}" "$modules"
finish_bundle "${modules##*/}" false "$CMDLINE"
