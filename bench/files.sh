#!/usr/bin/env bash
# A tree of 20,000 small files into a sandbox and out of it: `msb cp`, and `tar | tar` through one
# `msb exec`, in turns; medians and their ratio. The host's side is in memory where there is /dev/shm: how
# long a disk's file system takes to make 20,000 files varies more than what is compared.
#
#   bench/files.sh [ROUNDS [FILES]]      default: 5 rounds of 20000 files
. "$(dirname "$0")/lib.sh"
MSB=$MSB_BUILD/bin/msb
rounds=${1:-5}
files=${2:-20000}

host=$T
[ ! -w /dev/shm ] || host=$(mktemp -d /dev/shm/msb-bench.XXXXXX)

finish() {
    "$MSB" rm -q -f files 2>/dev/null || :
    rm -rf "$T" "$host"
}
trap finish EXIT

# 100 files a directory, 1 byte to 4 KiB each.
make_tree() {
    local i dir
    head -c 4096 /dev/urandom >"$T/bytes"
    for i in $(seq "$files"); do
        dir=$host/tree/$((i / 100))
        [ -d "$dir" ] || mkdir -p "$dir"
        head -c $((i * 37 % 4096 + 1)) "$T/bytes" >"$dir/$i"
    done
}

guest() { "$MSB" exec files -- sh -c "$1"; }
tar_in() { tar -C "$host" -cf - tree | "$MSB" exec files -- sh -c 'mkdir /bench/in && tar -C /bench/in -xf -'; }
tar_out() { mkdir "$host/out" && "$MSB" exec files -- tar -C /bench -cf - tree | tar -C "$host/out" -xf -; }
copy_in() { "$MSB" cp -q "$host/tree" files:/bench/in; }
copy_out() { "$MSB" cp -q files:/bench/tree "$host/out"; }

make_tree
"$MSB" create -q -m 1G -n files
guest 'mkdir /bench'
"$MSB" cp -q "$host/tree" files:/bench/tree
for _ in $(seq "$rounds"); do
    for way in copy tar; do
        measure "$T/$way.in" "${way}_in"
        guest 'rm -r /bench/in'
        measure "$T/$way.out" "${way}_out"
        rm -r "$host/out"
    done
done
report "$files files into a sandbox" "$T/copy.in" "tar | exec tar" "$T/tar.in" 2
report "$files files out of a sandbox" "$T/copy.out" "exec tar | tar" "$T/tar.out" 2
