#!/bin/bash
# kvm_debian.sh: the bundle "kvm-debian" from Debian's own kernel for virtual machines: seconds instead of a kernel
# build. Prints the bundle's path last.
. "$(dirname "$0")/kvm.sh"

begin_bundle kvm-debian
debian_cloud_kernel "$WORK/root"
cp "$WORK/root/boot/vmlinuz-$VERSION" "$WORK/bundle/linux"

declare -A have
collect() {
    local file ko
    for file in $(module_files "$WORK/root" "$VERSION" "$1"); do
        ko=${file##*/}
        [ -z "${have[$ko]:-}" ] || continue
        have[$ko]=1
        FOUND+=("$ko")
        cp "$file" "$WORK/bundle/$ko"
        strip --strip-debug "$WORK/bundle/$ko"
    done
}
for kind in boot net mounts optional; do
    # shellcheck disable=SC2178 # a name for each list in turn
    declare -n FOUND=${kind^^}_MODULES
    while read -r name; do collect "$name"; done < <(awk -v k=$kind '$1 == k { print $2 }' "$KERNEL_DIR/kvm_modules.txt")
done
index_modules "$VERSION" "$WORK/root/lib/modules/$VERSION"

# The manifest is finish_bundle's but for the engine. Without "smp": the engine is not proven with more than one CPU.
INTERPRETER_FILES=()
eval "$(declare -f finish_bundle | sed 's/"engine": "uml"/"engine": "kvm"/')"
finish_bundle "$VERSION" false ""
grep -q '"engine": "kvm"' "$BUNDLE_REF/manifest.json" || die "a bundle for the wrong engine"
