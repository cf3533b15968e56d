#!/usr/bin/env bash
# Disk throughput from inside a guest: this project's virtio-blk and qemu-storage-daemon's
# vhost-user-blk export, same file, same kernel, taking turns; medians and their ratio.
#
#   bench/blk.sh [ROUNDS [MiB]]      default: 20 rounds of 1024 MiB, about 3 minutes
#
# The kernel is the first bundle of the build, or MSB_TEST_KERNEL.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
build=${MSB_BUILD:-$source_dir/build}
if [ ! -x "$build/tools/blk_bench" ]; then
    cmake -S "$source_dir" -B "$build" -DMSB_BENCH=ON >/dev/null
    cmake --build "$build" --target blk_bench >/dev/null
fi
file=$(mktemp "${TMPDIR:-/tmp}/msb-bench-disk.XXXXXX")
trap 'rm -f "$file"' EXIT
"$build/tools/blk_bench" "$file" "${1:-20}" "${2:-1024}"
