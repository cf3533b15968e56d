#!/bin/bash
# tuned.sh: the bundle "uml-tuned": Debian's kernel source, with our patches and config.fragment: static, no
# modules, nothing that is not needed to run a sandbox. 6 to 12 minutes on 2 cores, once. Prints the
# bundle's path last.
. "$(dirname "$0")/common.sh"

MINIMUM=7.2
begin_bundle uml-tuned

# "linux-source-7.2 7.2.13-1" of the newest source package that `candidate` knows.
newest_source() {
    apt_private cache search --names-only '^linux-source-[0-9.]+$' | awk '{ print $1 }' |
        sort -rV | head -n 1
}

for suite in "$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")" testing sid; do
    if [ "$suite" != testing ] && [ "$suite" != sid ]; then
        package=$(apt-cache search --names-only '^linux-source-[0-9.]+$' 2>/dev/null |
            awk '{ print $1 }' | sort -rV | head -n 1)
        dpkg --compare-versions "${package#linux-source-}" ge $MINIMUM || continue
    fi
    private_apt "$suite" || continue
    package=$(newest_source)
    dpkg --compare-versions "${package#linux-source-}" ge $MINIMUM && found=$suite && break
done
[ -n "${found:-}" ] || die "no suite of this machine's Debian archive offers linux-source >= $MINIMUM"

version=$(candidate "$package")
say "Getting $package $version from Debian $found (about 160 MB)"
unpack "$package" "$WORK/package"

# Most of the tree is drivers and other architectures that a UML build never reads beyond their
# Kconfig: leaving their sources packed halves the time and the space.
say "Unpacking the source"
tar -C "$WORK" -xf "$WORK/package/usr/src/$package.tar.xz" \
    --exclude='*/Documentation/*/*' --exclude='*/tools/testing/*' --exclude='*/tools/perf/*' \
    --exclude='*/samples/*.[ch]' --exclude='*.dts' --exclude='*.dtsi' \
    --exclude='*/drivers/gpu/*.[ch]' --exclude='*/sound/*.[ch]' --exclude='*/drivers/media/*.[ch]' \
    --exclude='*/drivers/net/ethernet/*.[ch]' --exclude='*/drivers/net/wireless/*.[ch]' \
    --exclude='*/drivers/staging/*.[ch]' --exclude='*/drivers/infiniband/*.[ch]' \
    --exclude='*/drivers/scsi/*.[ch]' --exclude='*/drivers/iio/*.[ch]' \
    --exclude='*/arch/[abcdefghijklmnopqrst]*/*.[chS]' --exclude='*/arch/xtensa/*.[chS]'
rm -rf "$WORK/package"
cd "$WORK/$package"
# Mistakes of this kernel that guests run into; each file says which.
for patch in "$KERNEL_DIR"/patches/*.patch; do
    patch -sp1 --fuzz=0 <"$patch" || die "$(basename "$patch") does not fit this kernel: is it still needed?"
done

compiler_command=gcc
! command -v ccache >/dev/null || compiler_command="ccache gcc"
export CCACHE_NOHASHDIR=1
export KBUILD_BUILD_USER=microsandbox KBUILD_BUILD_HOST=localhost KBUILD_BUILD_VERSION=1
KBUILD_BUILD_TIMESTAMP=$(date -u -d "@$(stat -c %Y Makefile)")
export KBUILD_BUILD_TIMESTAMP
kernel_make() { make ARCH=um CC="$compiler_command" HOSTCC="$compiler_command" "$@"; }

kernel_make -s tinyconfig
cat "$KERNEL_DIR/config.fragment" >>.config
kernel_make -s olddefconfig
# A symbol that was renamed or lost a dependency would be dropped in silence.
lost=$(grep -E '^CONFIG_' "$KERNEL_DIR/config.fragment" | grep -vxFf .config) || :
[ -z "$lost" ] || die "this kernel does not accept: $(echo "$lost" | tr '\n' ' ')"

say "Compiling Linux $(make -s ARCH=um kernelversion) with $(nproc) jobs"
begin=$SECONDS
kernel_make "-j$(nproc)" linux 2>&1 | tee "$WORK/build.log" | awk '
    /^  (CC|AS|LD|AR) / { count++ }
    count >= shown + 200 { shown = count; print "    " count " steps"; fflush() }' || {
    tail -n 40 "$WORK/build.log" >&2
    die "the kernel build failed"
}
say "Compiled in $((SECONDS - begin)) s"

strip -o "$WORK/bundle/linux" linux
cp .config "$WORK/bundle/config"
BOOT_MODULES=() NET_MODULES=() MOUNTS_MODULES=() OPTIONAL_MODULES=() INTERPRETER_FILES=()
version=$(make -s ARCH=um kernelversion)
index_modules "$version" .
finish_bundle "$version" true ""
