#!/usr/bin/env bash
# --mount-named NAME:/x[:kind=dir|disk,size=,quota=]: a size needs kind=disk, kind=disk needs a size and rejects a
# quota, and what looks like a path is no name.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb run --mount-named plain:/d --mount-named limited:/q:kind=dir,quota=1G --mount-named disk:/k:kind=disk,size=256M -- \
    sh -c 'grep -cE " /(d|q) virtiofs " /proc/mounts && grep -c " /k ext4 " /proc/mounts && echo kept >/k/file'
assert_eq "$out" $'2\n1'
run_ok msb volume ls --format json
assert_eq "$(jq -c 'sort_by(.name) | map([.name, .kind, .quota_mib, .capacity_bytes, .disk_format, .disk_fstype])' <<<"$out")" \
    '[["disk","disk",null,268435456,"raw","ext4"],["limited","directory",1024,null,null,null],["plain","directory",null,null,null,null]]'

# A disk is a file system of its own: durable though the sandbox was thrown away, clean, and of the size asked for.
run_ok msb run --mount-named disk:/k -- sh -c 'cat /k/file && df -m /k | tail -1 | awk "{ print (\$2 > 150 && \$2 <= 256) }"'
assert_eq "$out" $'kept\n1'
run_ok e2fsck -fn "$MSB_HOME/volumes/disk/disk.raw"

# One sandbox may write to a disk, or several read it.
run_ok msb create -q -n writer --mount-named disk:/k
run_fail any 'in use by another sandbox' msb run --mount-named disk:/k:ro -- true
run_ok msb rm -q -f writer
run_ok msb create -q -n reader --mount-named disk:/k:ro
run_ok msb run --mount-named disk:/k:ro -- cat /k/file
assert_eq "$out" kept
run_fail any 'in use by another sandbox' msb run --mount-named disk:/k -- true
run_ok msb rm -q -f reader

for command in run create; do
    run_fail any 'a size needs kind=disk' msb $command --mount-named new:/x:size=1G
    run_fail any 'a size needs kind=disk' msb $command --mount-named new:/x:kind=dir,size=1G
    run_fail any 'kind=disk needs a size' msb $command --mount-named new:/x:kind=disk
    run_fail any 'a disk has a size, not a quota' msb $command --mount-named new:/x:kind=disk,size=1G,quota=1G
    run_fail any 'mean nothing with a disk' msb $command --mount-named new:/x:kind=disk,size=1G,stat-virt=off
    run_fail any 'the kind of a volume is dir or disk' msb $command --mount-named new:/x:kind=tape
    run_fail any 'a disk must have 128 MiB' msb $command --mount-named new:/x:kind=disk,size=64M
    for path in ./new ../new "$T/new" . .. a/b -x .hidden; do
        run_fail any "a volume's name starts with a letter or digit" msb $command --mount-named "$path:/x"
    done
done
run_ok msb volume ls -q
assert_eq "$(sort <<<"$out" | tr '\n' ' ')" "disk limited plain "
no_leftovers
