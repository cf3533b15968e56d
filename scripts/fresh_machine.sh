#!/bin/bash
# fresh_machine.sh [COMMAND...]: does COMMAND (default: make run, twice) in a clean clone of HEAD on a
# Debian 12 that has nothing but make and git: a new root file system from this machine's own mirror,
# entered with pivot_root, with an empty home and an empty cache. Root only; removed afterwards
# (KEEP=DIR keeps it there).
set -euo pipefail
cd "$(dirname "$0")/.."
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
root=${KEEP:-$(mktemp -d /var/tmp/msb-fresh.XXXXXX)}
sources=$(mktemp)
trap 'rm -f "$sources"; [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root"' EXIT

if [ ! -e "$root/etc/debian_version" ]; then
    scripts/apt_sources.sh "$suite" >"$sources"
    mmdebstrap --quiet --mode=root --variant=minbase --include=make,git,ca-certificates \
        "$suite" "$root" "$sources"
    rm -f "$root"/etc/apt/sources.list.d/* "$root/etc/apt/sources.list"
    cp "$sources" "$root/etc/apt/sources.list.d/debian.sources"
fi
# How the network is reached depends on this machine, not on the test.
cp -L /etc/resolv.conf "$root/etc/" 2>/dev/null || :
cp /etc/hosts "$root/etc/" 2>/dev/null || :
cp -rn /etc/ssl/certs/. "$root/etc/ssl/certs/" 2>/dev/null || :
apt-config dump | grep -E '^Acquire::(http|https|Check)' >"$root/etc/apt/apt.conf.d/90machine" || :

rm -rf "$root/root/src"
git clone -q --no-hardlinks . "$root/root/src"
cat >"$root/root/inside.sh" <<'INSIDE'
set -eu
cd /root/src
if [ $# -gt 0 ]; then exec "$@"; fi
for round in first later; do
    begin=$(date +%s%N)
    make run
    echo "==== $round make run: $((($(date +%s%N) - begin) / 1000000)) ms"
done
INSIDE

# pivot_root and not only chroot: a chrooted process may not make user namespaces.
# shellcheck disable=SC2016
unshare --mount --pid --ipc --uts --fork --kill-child sh -euc '
    root=$1; shift
    mount --make-rprivate /
    mount --bind "$root" "$root"
    cd "$root"
    mkdir -p .old
    mount --rbind /dev dev
    mount --rbind /sys sys
    mount -t proc proc proc
    mount -t tmpfs tmpfs tmp
    pivot_root . .old
    exec chroot . sh -euc "umount -l /.old; cd /; exec env -i HOME=/root PATH=\$PATH TERM=${TERM:-dumb} \
        ${http_proxy:+http_proxy=$http_proxy} ${https_proxy:+https_proxy=$https_proxy} \
        sh /root/inside.sh \"\$@\"" sh "$@"' sh "$root" "$@"
