#!/usr/bin/env bash
# Disks that are kept, beside the tools that copy and pack files, in turns; medians and their ratio.
#
#   bench/snapshots.sh [ROUNDS [MIB [FILES]]]      default: 3 rounds, disks with 1024 MiB of data, 10000 changed files
#
#   create     a stopped sandbox's disk, 4 GiB with MIB of data in it     cp --sparse=always (--reflink where it can), and sync
#   open       what is known of a snapshot (wanted: <= 20 ms)
#   archive    export and import of it                                  tar --sparse | zstd -3 -T0 there and back, and sync
#   start      a sandbox that begins with it                            one that begins with an image (wanted: <= 20 ms more)
#   diff       two disks with FILES files that differ (wanted: <= 2 s)
#   frozen     how long a guest stands still on XFS (wanted: <= 50 ms); as root, where XFS can be mounted
. "$(dirname "$0")/lib.sh"
MSB=$MSB_BUILD/bin/msb
rounds=${1:-3}
mib=${2:-1024}
files=${3:-10000}

finish() {
    # shellcheck disable=SC2046
    "$MSB" rm -q -f $("$MSB" ls -q 2>/dev/null) 2>/dev/null || :
    ! mountpoint -q "$T/xfs" || umount "$T/xfs"
    rm -rf "$T"
}
trap finish EXIT

guest() { "$MSB" exec "$1" -- sh -c "$2"; }
# within NAME FILE LIMIT UNIT: a median of microseconds beside what is wanted.
within() {
    awk -v name="$1" -v ours="$(median "$2")" -v n="$(wc -l <"$2")" -v limit="$3" \
        'BEGIN { printf "%-34s %8.1f ms (wanted <= %s)  n=%d\n", name, ours / 1000, limit, n }'
}

# Data that compresses by about a half.
fill="head -c $((mib * 1024 * 512)) /dev/urandom | od -An -v -tx1 | tr -d ' \n' | head -c $((mib * 1024 * 1024))"
"$MSB" create -q -n source --root-disk 4G
guest source "$fill >/data; mkdir /many; sync"
"$MSB" stop -q source
disk=$MSB_HOME/sandboxes/source/upper.ext4
copy=(cp --sparse=always)
if cp --reflink=always "$disk" "$T/try" 2>/dev/null; then copy=(cp --reflink=always); fi
rm -f "$T/try"
echo "machine: $(nproc) cores, $(uname -r); load $(cut -d' ' -f1 /proc/loadavg); disk of $(du -m "$disk" | cut -f1) MiB; ${copy[*]}"

plain_copy() { "${copy[@]}" "$disk" "$T/copy" && sync "$T/copy"; }
there_and_back() {
    tar -C "$(dirname "$1")" --sparse -cf - "$(basename "$1")" | zstd -q -3 -T0 >"$T/peer.tar.zst" && sync "$T/peer.tar.zst"
    mkdir "$T/peer" && zstd -q -dc "$T/peer.tar.zst" | tar -C "$T/peer" --sparse -xf - && sync "$T/peer"/*
}
archive() {
    "$MSB" snapshot export -q one "$T/one.tar.zst" && "$MSB" snapshot import -q -n again "$T/one.tar.zst"
}

"$MSB" snapshot create -q one --from source >/dev/null
for _ in $(seq "$rounds"); do
    measure "$T/create" "$MSB" snapshot create -q made --from source
    "$MSB" snapshot rm -q made
    measure "$T/create.cp" plain_copy
    rm "$T/copy"
    measure "$T/open" "$MSB" snapshot open one
    measure "$T/archive" archive
    "$MSB" snapshot rm -q again
    measure "$T/archive.tar" there_and_back "$disk"
    rm -r "$T/one.tar.zst" "$T/peer" "$T/peer.tar.zst"
    measure "$T/start" "$MSB" create -q -n forked --from one
    "$MSB" rm -q -f forked
    measure "$T/start.plain" "$MSB" create -q -n plain
    "$MSB" rm -q -f plain
done
report "snapshot create" "$T/create" "${copy[*]}" "$T/create.cp" 1.1
within "snapshot open" "$T/open" 20
report "snapshot export and import" "$T/archive" "tar | zstd and back" "$T/archive.tar" 1.2
echo $(($(median "$T/start" | cut -d. -f1) - $(median "$T/start.plain" | cut -d. -f1))) >"$T/more"
within "start with a snapshot: more" "$T/more" 20

"$MSB" create -q -n changed --from one
guest changed "cd /many; for i in \$(seq $files); do echo \$i >\$i; done; sync"
"$MSB" stop -q changed
"$MSB" snapshot create -q two --from changed >/dev/null
for _ in $(seq "$rounds"); do
    measure "$T/diff" "$MSB" snapshot diff one two
done
within "snapshot diff of $files files" "$T/diff" 2000
[ "$("$MSB" snapshot diff one two | grep -c '^A /many/')" = "$files" ] || echo "the difference is not $files files"

# The guest notes the time whenever a write has come through: the longest gap is how long it stood still.
frozen() {
    local gap
    "$MSB" create -q -n live --root-disk 4G
    guest live "$fill >/data; sync"
    "$MSB" exec live -d -- sh -c 'while :; do cut -d" " -f1 /proc/uptime; usleep 2000 2>/dev/null; done >>/ticks' >/dev/null
    for _ in $(seq "$rounds"); do
        guest live ': >/ticks; sleep 1'
        "$MSB" snapshot create -q live --from live >/dev/null
        gap=$(guest live 'sleep 1; cat /ticks' | awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { print most * 1000000 }')
        echo "$gap" >>"$T/frozen"
        "$MSB" snapshot rm -q live
    done
    within "guest stands still, XFS, $mib MiB" "$T/frozen" 50
}
if [ "$(id -u)" -eq 0 ] && command -v mkfs.xfs >/dev/null; then
    truncate -s $((mib * 3 + 2048))M "$T/xfs.image"
    mkfs.xfs -q -m reflink=1 "$T/xfs.image"
    mkdir "$T/xfs"
    if mount -o loop "$T/xfs.image" "$T/xfs" 2>/dev/null; then
        MSB_HOME=$T/xfs/home frozen
        MSB_HOME=$T/xfs/home "$MSB" rm -q -f live
    else
        echo "guest stands still: this kernel cannot mount XFS"
    fi
fi
