# Shared by the scripts that make bundles: the cache, a private apt, the manifest.
#
# A bundle is a folder with a kernel, the modules it needs at boot and manifest.json. It lives in
#   $MSB_CACHE_DIR/kernels/HASH            content-addressed, never changed once there
#   $MSB_CACHE_DIR/kernels/refs/NAME-KEY   symlink to ../HASH; KEY is the hash of the recipe
# so any number of clones and CI runs share it, and a changed recipe makes a new one.
# shellcheck shell=bash
set -euo pipefail

KERNEL_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCRIPTS_DIR=$KERNEL_DIR/../../scripts
CACHE=${MSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/microsandbox}
KERNELS=$CACHE/kernels

say() { echo "==> $*"; }
die() {
    echo "error: $*" >&2
    exit 1
}

# bundle_ref NAME: the path of a bundle's reference in the cache. It changes with anything that the
# bundle is made from here: scripts, configuration, compiler.
bundle_ref() {
    local recipe
    case $1 in
    uml-debian) recipe=$(cd "$KERNEL_DIR" && cat common.sh debian.sh modules.txt) ;;
    uml-tuned) recipe=$(cd "$KERNEL_DIR" && cat common.sh tuned.sh config.fragment patches/*.patch && gcc -dumpfullversion) ;;
    esac
    echo "$KERNELS/refs/$1-$(echo "$recipe" | sha256sum | cut -c1-16)"
}

# begin_bundle NAME: ends the script if the cache has it (printing its path); else takes the cache's
# lock and makes an empty $WORK beside the bundles.
begin_bundle() {
    BUNDLE_NAME=$1 BUNDLE_REF=$(bundle_ref "$1")
    mkdir -p "$KERNELS/refs" || die "cannot write the cache $CACHE (MSB_CACHE_DIR chooses another)"
    use_cached_bundle
    exec 9>"$KERNELS/.lock-$1"
    flock -n 9 || { say "Waiting for another build of a kernel bundle" && flock 9; }
    use_cached_bundle
    rm -rf "$KERNELS/.work-$1".*
    WORK=$(mktemp -d "$KERNELS/.work-$1.XXXXXX")
    trap 'rm -rf "$WORK"' EXIT
    chmod 755 "$WORK"
    mkdir "$WORK/bundle"
}

use_cached_bundle() {
    if [ -f "$BUNDLE_REF/manifest.json" ]; then
        readlink -f "$BUNDLE_REF"
        exit 0
    fi
}

# json_list WORD...
json_list() {
    local word separator=
    printf '['
    for word; do
        printf '%s"%s"' "$separator" "$word"
        separator=', '
    done
    printf ']'
}

# index_modules VERSION DIR: the lists by which programs of a guest find modules (depmod's), of the modules in
# $WORK/bundle and of the features that are built in: DIR has modules.builtin* of the kernel's build. Sets $MODULE_LISTS.
index_modules() {
    local tree=$WORK/depmod/lib/modules/$1
    mkdir -p "$tree"
    cp "$2"/modules.builtin* "$tree/"
    rm -f "$tree"/*.bin
    : >"$tree/modules.order"
    find "$WORK/bundle" -name '*.ko' -exec cp -t "$tree" {} +
    PATH=$PATH:/sbin:/usr/sbin depmod -b "$WORK/depmod" "$1" || die "depmod (Debian package kmod) fails"
    MODULE_LISTS=()
    local list
    for list in dep dep.bin alias alias.bin builtin builtin.bin builtin.alias.bin symbols.bin softdep devname; do
        [ -f "$tree/modules.$list" ] || continue
        cp "$tree/modules.$list" "$WORK/bundle/"
        MODULE_LISTS+=("modules.$list")
    done
}

# finish_bundle VERSION TUNED CMDLINE: hashes $WORK/bundle with $BOOT_MODULES, $NET_MODULES,
# $MOUNTS_MODULES, $OPTIONAL_MODULES, $MODULE_LISTS and $INTERPRETER_FILES (arrays of file names in it), writes its
# manifest and moves it into the cache.
finish_bundle() {
    local version=$1 tuned=$2 cmdline=$3 hash
    manifest() {
        printf '{\n  "schema": 1,\n  "name": "%s",\n  "engine": "uml",\n  "version": "%s",\n' \
            "$BUNDLE_NAME" "$version"
        printf '  "kernel": "linux",\n'
        [ ${#INTERPRETER_FILES[@]} -eq 0 ] ||
            printf '  "interpreter_files": %s,\n' "$(json_list "${INTERPRETER_FILES[@]}")"
        printf '  "modules": %s,\n' "$(json_list "${BOOT_MODULES[@]}")"
        printf '  "net_modules": %s,\n' "$(json_list "${NET_MODULES[@]}")"
        printf '  "mounts_modules": %s,\n' "$(json_list "${MOUNTS_MODULES[@]}")"
        printf '  "optional_modules": %s,\n' "$(json_list "${OPTIONAL_MODULES[@]}")"
        printf '  "module_lists": %s,\n' "$(json_list "${MODULE_LISTS[@]}")"
        printf '  "cmdline": "%s",\n  "tuned": %s' "$cmdline" "$tuned"
    }
    hash=$({ manifest && cd "$WORK/bundle" && find . -type f | sort | xargs sha256sum; } |
        sha256sum | cut -c1-32)
    { manifest && printf ',\n  "hash": "%s"\n}\n' "$hash"; } >"$WORK/bundle/manifest.json"
    chmod -R u=rwX,go=rX "$WORK/bundle"
    if [ ! -e "$KERNELS/$hash" ]; then
        sync -f "$WORK/bundle"
        mv -T "$WORK/bundle" "$KERNELS/$hash"
    fi
    ln -s "../$hash" "$WORK/ref"
    mv -T "$WORK/ref" "$BUNDLE_REF"
    say "Kernel bundle $BUNDLE_NAME: Linux $version, $(du -sh "$KERNELS/$hash" | cut -f1)"
    echo "$KERNELS/$hash"
}

# private_apt SUITE: an apt whose state is in the cache, for SUITE of the machine's own archive. The
# machine's configuration (proxy, keys) applies, its package lists and database are not touched.
# Afterwards `apt_private COMMAND...` works. Fails if the archive has no such suite.
private_apt() {
    local suite=$1
    APT_STATE=$CACHE/apt/$suite
    mkdir -p "$APT_STATE"/{lists/partial,archives/partial}
    "$SCRIPTS_DIR/apt_sources.sh" "$suite" >"$APT_STATE/archive.sources" || return 1
    cat >"$APT_STATE/apt.conf" <<CONF
Dir::State "$APT_STATE";
Dir::State::lists "$APT_STATE/lists";
Dir::State::status "/dev/null";
Dir::Cache "$APT_STATE";
Dir::Etc::sourcelist "$APT_STATE/archive.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "2";
CONF
    # apt downloads as the user _apt, who cannot enter a cache below a private home directory.
    if [ "$(id -u)" -eq 0 ] && ! setpriv --reuid=_apt --clear-groups test -x "$APT_STATE" 2>/dev/null; then
        echo 'APT::Sandbox::User "root";' >>"$APT_STATE/apt.conf"
    fi
    # Lists less than a day old are good enough.
    if [ -z "$(find "$APT_STATE/lists" -maxdepth 1 -name '*Packages*' -mtime -1 2>/dev/null)" ]; then
        say "Reading the package list of Debian $suite"
        apt_private get -q update --error-on=any || return 1
    fi
}

apt_private() {
    local tool=$1
    shift
    APT_CONFIG=$APT_STATE/apt.conf "apt-$tool" "$@"
}

# candidate PACKAGE: the version the suite offers, nothing if none.
candidate() { apt_private cache madison "$1" 2>/dev/null | awk 'NR == 1 { print $3 }'; }

# unpack PACKAGE DIR: downloads (apt checks the signature of the list and the hash of the package)
# and unpacks into DIR.
unpack() {
    mkdir -p "$WORK/debs/$1" "$2"
    (cd "$WORK/debs/$1" && apt_private get -q download "$1") || die "cannot download $1"
    dpkg-deb -x "$WORK/debs/$1"/*.deb "$2"
    rm -rf "$WORK/debs/$1"
}
