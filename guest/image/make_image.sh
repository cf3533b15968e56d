#!/bin/bash
# make_image.sh TAR: writes the default image, what `msb run` without an image name boots, as a
# docker-archive: Debian's static busybox under all its names, and the few files programs expect. The
# same busybox gives the same bytes.
set -euo pipefail

NAME=microsandbox/default:latest
busybox=$(command -v busybox) || {
    echo "busybox is not installed (Debian: busybox-static)" >&2
    exit 1
}
! readelf -l "$busybox" 2>/dev/null | grep -q INTERP || {
    echo "$busybox is not static (Debian: busybox-static)" >&2
    exit 1
}

umask 022
output=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,usr/local/bin,lib,dev,etc,proc,sys,run,root,home,mnt,opt,srv} \
    "$root"/var/{tmp,log,cache,lib} "$root/tmp"
chmod 1777 "$root/tmp" "$root/var/tmp"
chmod 700 "$root/root"
ln -s /run "$root/var/run"
cp "$busybox" "$root/bin/busybox"
"$busybox" --list-full | while read -r path; do
    [ "$path" = bin/busybox ] || [ "$path" = usr/bin/busybox ] || ln -s /bin/busybox "$root/$path"
done

cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
user:x:1000:1000:user:/home/user:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
END
cat >"$root/etc/group" <<'END'
root:x:0:
daemon:x:1:
tty:x:5:
users:x:100:
user:x:1000:
nogroup:x:65534:
END
cat >"$root/etc/profile" <<'END'
export PS1='\u@\h:\w\$ '
END
cat >"$root/etc/os-release" <<'END'
ID=microsandbox
NAME=microsandbox
PRETTY_NAME="microsandbox default image"
END
mkdir "$root/home/user"

# Time stamps come from busybox: they change when the content does.
seconds=$(stat -c %Y "$busybox")
pack() { tar --sort=name --format=gnu --mtime="@$seconds" --numeric-owner --owner=0 --group=0 "$@"; }
pack -C "$root" --exclude=./home/user -cf "$work/layer.tar" .
# The only directory that does not belong to root.
tar --format=gnu --mtime="@$seconds" --numeric-owner --owner=1000 --group=1000 -C "$root" \
    -rf "$work/layer.tar" ./home/user

digest() { sha256sum "$1" | cut -d' ' -f1; }
layer=$(digest "$work/layer.tar")
mkdir "$work/archive"
mv "$work/layer.tar" "$work/archive/$layer.tar"
created=$(date -u -d "@$seconds" +%Y-%m-%dT%H:%M:%SZ)
case $(uname -m) in
x86_64) architecture=amd64 ;;
aarch64) architecture=arm64 ;;
*) architecture=$(uname -m) ;;
esac
cat >"$work/config.json" <<END
{"architecture":"$architecture","config":{"Cmd":["/bin/sh"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"},"created":"$created","history":[{"created":"$created","created_by":"busybox"}],"os":"linux","rootfs":{"diff_ids":["sha256:$layer"],"type":"layers"}}
END
config=$(digest "$work/config.json")
mv "$work/config.json" "$work/archive/$config.json"
echo "[{\"Config\":\"$config.json\",\"RepoTags\":[\"$NAME\"],\"Layers\":[\"$layer.tar\"]}]" \
    >"$work/archive/manifest.json"

mkdir -p "$(dirname "$output")"
pack -C "$work/archive" -cf "$output.new" manifest.json "$config.json" "$layer.tar"
mv "$output.new" "$output"
