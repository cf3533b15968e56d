#!/usr/bin/env bash
# What the configuration of an image asks for, as any container tool would do it: users and groups,
# entrypoints, volumes, what lies in /run.
. "$(dirname "$0")/../lib.sh"
need_kernel
need umoci

make_rootfs "$T/rootfs"
printf 'more:x:1002:a,user,b\n' >>"$T/rootfs/etc/group"
mkdir -p "$T/rootfs/run/lock" "$T/rootfs/run/service" "$T/rootfs/have"
chmod 1777 "$T/rootfs/run/lock"
chmod 750 "$T/rootfs/have"
echo kept >"$T/rootfs/have/file"
ln -s /have "$T/rootfs/link"
ln -s /nowhere "$T/rootfs/dangling"

# image NAME [umoci config options...]
image() {
    local name=$1
    shift
    new_image "$T/$name" "$@"
    add_layer "$T/$name" "$T/rootfs"
    pack_oci "$T/$name" "$T/$name.tar"
    run_ok msb load -q -i "$T/$name.tar" -t "$name"
}

# Users: with a group of its own a user has no other (image-spec, config.md).
# whoami_is EXPECTED run options...
whoami_is() {
    run_ok msb run -q "${@:2}" -- sh -c 'echo "$(id -u) $(id -g) $(id -G) $HOME"'
    assert_eq "$out" "$1" "${*:2}"
}
image plain
whoami_is "1000 1000 1000 1001 1002 /home/user" -u user plain
whoami_is "1000 1000 1000 1001 1002 /home/user" -u 1000 plain
whoami_is "1000 1000 1000 /home/user" -u user:user plain
whoami_is "1000 1001 1001 /home/user" -u 1000:extra plain
whoami_is "1000 7777 7777 /home/user" -u user:7777 plain
whoami_is "4242 4343 4343 /" -u 4242:4343 plain
whoami_is "0 1001 1001 /root" -u :extra plain
image grouped --config.user 1000:extra
whoami_is "1000 1001 1001 /home/user" grouped

# Entrypoints: one empty word is none.
image emptied --config.entrypoint ''
assert_eq "$(echo 'echo default' | msb run -q emptied)" default "the image's command, a shell"
run_ok msb run -q emptied -- echo given
assert_eq "$out" given
image echoing --config.entrypoint /bin/echo --config.entrypoint entry
run_ok msb run -q --entrypoint '' echoing -- echo given
assert_eq "$out" given "--entrypoint ''"

# Volumes that no layer has are directories, others stay what they are.
image volumes --config.volume /data/deep --config.volume /have --config.volume /link/below \
    --config.volume /dangling --config.volume /have/file --config.volume /../up
run_ok msb run -q volumes -- sh -c 'stat -c "%F %a %u:%g %n" /data /data/deep /have /have/below; cat /have/file
    readlink /dangling; echo written >/data/deep/file && cat /data/deep/file'
assert_eq "$out" "directory 755 0:0 /data
directory 755 0:0 /data/deep
directory 750 0:0 /have
directory 755 0:0 /have/below
kept
/nowhere
written"

# /run is the image's, and what is made there stays as in a container.
run_ok msb create -q -n box plain
run_ok msb exec box -- sh -c 'stat -c "%a %n" /run/lock /run/service; mkdir /run/mine'
assert_eq "$out" "1777 /run/lock
755 /run/service"
run_ok msb restart -q box
run_ok msb exec box -- sh -c 'ls /run'
assert_eq "$out" "lock
mine
service"
run_ok msb rm -q -f box
no_leftovers
