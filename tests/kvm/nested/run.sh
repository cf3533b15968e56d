#!/bin/bash
# run.sh BUILD SCRIPT: runs SCRIPT as root in a machine that has a working /dev/kvm and the msb of BUILD, and ends as it
# does. The machine is emulated: QEMU plays an AMD CPU with its virtualisation, so this needs no hardware, only
# patience. Its clock counts instructions (2 ns each, and waiting takes no time), so times in it say how much is done, and do
# not depend on how busy the host is.
#
# The machine is Debian's kernel for virtual machines and a root of busybox, msb and what that is linked with.
# SECONDS_MAX (600) and MEMORY (2560, in MiB) change it. One CPU: with more, that clock stands still.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../../guest/kernel/kvm.sh"

build=$(readlink -f "$1") script=$2
outer=$CACHE/nested
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The kernel stays in the cache.
if [ ! -f "$outer/version" ]; then
    rm -rf "$outer"
    WORK=$work debian_cloud_kernel "$outer"
    echo "$VERSION" >"$outer/version"
fi
version=$(cat "$outer/version")

root=$work/root
mkdir -p "$root"/{bin,etc,root,tmp,modules,opt/msb/{bin,libexec/microsandbox,share/microsandbox/{kernels,initramfs}}}
cp /bin/busybox "$root/bin/"
echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
echo root:x:0: >"$root/etc/group"
number=10
for module in kvm-amd tun; do
    for file in $(module_files "$outer" "$version" $module); do
        cp "$file" "$root/modules/$((number += 1))-$(basename "$file")"
    done
done
prefix=$root/opt/msb
for program in bin/msb $(cd "$build" && echo libexec/microsandbox/*); do
    strip -o "$prefix/$program" "$build/$program"
done
for bundle in "$build"/share/microsandbox/kernels/kvm-*; do
    cp -rL "$bundle" "$prefix/share/microsandbox/kernels/"
done
cp "$build"/share/microsandbox/initramfs/kvm-* "$prefix/share/microsandbox/initramfs/"
cp -r "$build/share/microsandbox/images" "$prefix/share/microsandbox/"
# What the programs are linked with, at the same paths.
find "$prefix" -type f -perm -u+x -exec ldd {} \; 2>/dev/null | grep -o '/[^ ]*' | sort -u |
    while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
cp "$script" "$root/script"

# The first root is one that cannot be left, and a jail leaves its root: so everything moves to another one.
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir /new && mount -t tmpfs -o size=90% root /new
for part in bin etc lib lib64 modules opt root script stage2 tmp usr; do [ ! -e /$part ] || mv /$part /new/; done
mkdir /new/dev /new/proc /new/sys /new/run
exec /new/bin/busybox switch_root /new /stage2
INIT
cat >"$root/stage2" <<'STAGE2'
#!/bin/sh
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm && mount -t devpts devpts /dev/pts && mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup /sys/fs/cgroup
for module in /modules/*; do insmod "$module"; done
ip link set lo up
export PATH=/opt/msb/bin:/bin HOME=/root MSB_HOME=/root/msb
# Through a pipe, as programs would take the console for a terminal. The last line says how it ended.
{ sh -eu /script </dev/null && echo "NESTED: passed" || echo "NESTED: failed"; } 2>&1 | cat
poweroff -f
STAGE2
chmod +x "$root/init" "$root/stage2"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/root.cpio"

timeout "${SECONDS_MAX:-600}" nice qemu-system-x86_64 -M q35,accel=tcg -cpu max,svm=on,npt=on \
    -m "${MEMORY:-2560}" -icount shift=1,sleep=off -nographic -no-reboot -nodefaults -serial stdio \
    -kernel "$outer/boot/vmlinuz-$version" -initrd "$work/root.cpio" \
    -append "console=ttyS0 panic=-1 quiet no_timer_check" </dev/null | stdbuf -oL tr -d '\r' | tee "$work/output"
grep -qx 'NESTED: passed' "$work/output"
