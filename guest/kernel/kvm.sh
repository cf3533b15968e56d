# Recipes of the kvm engine's bundles, beside those of common.sh. They are apart because a change of that file is one of
# the uml kernels' recipes, and compiling those again takes minutes.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# shellcheck disable=SC2034 # for those who include this
BUNDLES=(uml-tuned uml-debian kvm-debian)

eval "uml_$(declare -f bundle_ref)"
bundle_ref() {
    local recipe
    case $1 in
    kvm-debian)
        recipe=$(cd "$KERNEL_DIR" && cat common.sh kvm.sh kvm_debian.sh kvm_modules.txt)
        echo "$KERNELS/refs/$1-$(echo "$recipe" | sha256sum | cut -c1-16)"
        ;;
    *) uml_bundle_ref "$1" ;;
    esac
}

# debian_cloud_kernel DIR: Debian's kernel for virtual machines, unpacked into DIR, of the machine's own suite.
# Sets $VERSION.
debian_cloud_kernel() {
    local suite package
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
    private_apt "$suite" || die "no list of packages for Debian $suite"
    package=$(apt_private cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1)
    [ -n "$package" ] || die "Debian $suite offers no linux-image-cloud-amd64"
    say "Getting $package from Debian $suite"
    unpack "$package" "$1"
    VERSION=${package#linux-image-}
    depmod -b "$1" "$VERSION" 2>/dev/null || PATH=$PATH:/sbin:/usr/sbin depmod -b "$1" "$VERSION" ||
        die "depmod (Debian package kmod) fails"
}

# module_files DIR VERSION NAME: the files of a module and of those it needs first, in the order of insertion; nothing
# if the kernel has it built in.
module_files() {
    local tree=$1/lib/modules/$2 name=${3//_/[-_]} line file
    line=$(grep -E "(^|/)$name\.ko[^ ]*:" "$tree/modules.dep" | head -n 1) || return 0
    # modules.dep: "path/m.ko: path/dependency.ko ...", nearest dependency first.
    for file in $(echo "${line#*:}" | tr ' ' '\n' | tac) "${line%%:*}"; do
        echo "$tree/$file"
    done
}
