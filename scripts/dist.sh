#!/usr/bin/env bash
# dist.sh BUILD DIRECTORY: makes a release of what has been built: an archive that works wherever it is unpacked,
# a Debian package, what they are made of (CycloneDX), checksums, and the installer. The same sources and the same
# packages of Debian give the same bytes, in whatever directory.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
export LC_ALL=C.UTF-8 TZ=UTC

# The time of every file: that of the sources.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
version=$("$build/bin/msb" --version)
version=${version#msb }
tree=$work/microsandbox-$version

DESTDIR=$work/root cmake --install "$build" --prefix /usr --strip >/dev/null
mv "$work/root/usr" "$tree"
python3 "$source/scripts/sbom.py" "$build" "$tree" >"$work/microsandbox.cdx.json"
install -D -m 644 "$work/microsandbox.cdx.json" "$tree/share/microsandbox/microsandbox.cdx.json"
install -m 644 "$source/LICENSE" "$tree/share/microsandbox/LICENSE"

programs() { find "$tree"/{bin,lib,libexec} -type f ! -name '*.pc' -print0; }

# What the programs ask of glibc is what the installer checks.
promised=$(sed -n 's/^least_glibc=\([0-9.]*\).*/\1/p' "$source/scripts/install.sh")
asked=$(programs | { xargs -0 objdump -T 2>/dev/null || :; } | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -n 1)
[ "$(printf '%s\n' "$asked" "$promised" | sort -V | tail -n 1)" = "$promised" ] ||
    { echo "dist: the programs need glibc $asked; scripts/install.sh promises $promised" >&2; exit 1; }

same_times() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

chmod -R u=rwX,go=rX "$tree"
same_times "$tree"
tar -C "$work" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner -cf - "${tree##*/}" |
    gzip -n >"$out/microsandbox-linux-x86_64.tar.gz"

# packages_linked: what the programs need at run time, as a Debian package says it.
packages_linked() {
    mkdir -p "$work/debian"
    touch "$work/debian/control" # dpkg-shlibdeps will not run without one
    (cd "$work" && programs | xargs -0 dpkg-shlibdeps -O --ignore-missing-info 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
}

# make_deb: the same files below /usr, with the libraries they are linked with as packages.
make_deb() {
    local deb=$work/deb
    mkdir -p "$deb/DEBIAN" "$deb/usr/share/doc/microsandbox"
    cp -a "$tree"/* "$deb/usr"
    rm -f "$deb/usr/share/microsandbox/install.sh" "$deb/usr/share/microsandbox/LICENSE" # apt's part; copyright has it
    { echo "Upstream-Name: microsandbox"; echo; cat "$source/LICENSE"; } >"$deb/usr/share/doc/microsandbox/copyright"
    gzip -9n <"$source/CHANGELOG.md" >"$deb/usr/share/doc/microsandbox/changelog.gz"
    chmod 644 "$deb"/usr/share/doc/microsandbox/*
    cat >"$deb/DEBIAN/control" <<END
Package: microsandbox
Version: $version
Architecture: amd64
Maintainer: The microsandbox project <microsandbox@localhost>
Installed-Size: $(du -sk --apparent-size "$deb/usr" | cut -f1)
Depends: $(packages_linked)
Section: admin
Priority: optional
Description: untrusted code in local virtual machines that start like processes
 A command, msb, makes a sandbox of an OCI image, boots it in a fraction of a
 second, runs a command in it, and keeps or discards its state. There is no
 daemon, and no hardware virtualisation is needed.
END
    (cd "$deb" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$deb/DEBIAN/md5sums"
    same_times "$deb"
    dpkg-deb --root-owner-group -Zgzip -b "$deb" "$out/microsandbox_${version}_amd64.deb" >/dev/null
}
make_deb

rm -rf "$out/packages"
python3 "$source/scripts/sdk_packages.py" "$version" "$out/packages"
cp "$work/microsandbox.cdx.json" "$out/microsandbox.cdx.json"
install -m 755 "$source/scripts/install.sh" "$out/install.sh"
(cd "$out" && find install.sh microsandbox-linux-x86_64.tar.gz microsandbox.cdx.json "microsandbox_${version}_amd64.deb" packages -type f |
    sort | xargs sha256sum) >"$work/SHA256SUMS"
mv "$work/SHA256SUMS" "$out/SHA256SUMS"
