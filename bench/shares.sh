#!/usr/bin/env bash
# Shares from inside a guest: this project's virtio-fs, with cache=strict and cache=cached, and the Rust
# virtiofsd of Debian, same kernel and directory, taking turns; medians and ratios.
#
#   bench/shares.sh [ROUNDS [FILES [MiB]]]      default: 5 rounds of 20000 files (30000 are looked at), 1024 MiB
#
# virtiofsd is not in Debian 12. It comes from a later suite, with that suite's libraries, into the cache, as the
# kernels do.
# The kernel is the first bundle of the build, or MSB_TEST_KERNEL; the directory is in TMPDIR.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
build=${MSB_BUILD:-$source_dir/build}

# Prints the command that runs it; fails if it cannot be had.
find_virtiofsd() (
    . "$source_dir/guest/kernel/common.sh"
    dir=$CACHE/virtiofsd
    if [ ! -x "$dir/usr/libexec/virtiofsd" ]; then
        WORK=$(mktemp -d "${TMPDIR:-/tmp}/msb-virtiofsd.XXXXXX")
        trap 'rm -rf "$WORK"' EXIT
        for suite in trixie testing; do
            private_apt "$suite" >&2 || continue
            [ -n "$(candidate virtiofsd)" ] || continue
            for package in virtiofsd libc6 libgcc-s1 libcap-ng0 libseccomp2; do
                unpack "$package" "$WORK/root" >&2
            done
            mkdir -p "$CACHE"
            rm -rf "$dir"
            mv "$WORK/root" "$dir"
            break
        done
    fi
    loader=$(find "$dir" -name 'ld-linux-x86-64.so.2' | head -n 1)
    [ -n "$loader" ] || return 1
    echo "$loader --library-path $dir/usr/lib/x86_64-linux-gnu:$dir/lib/x86_64-linux-gnu $dir/usr/libexec/virtiofsd"
)

if [ ! -x "$build/tools/share_bench" ]; then
    cmake -S "$source_dir" -B "$build" -DMSB_BENCH=ON >/dev/null
    cmake --build "$build" --target share_bench >/dev/null
fi
directory=$(mktemp -d "${TMPDIR:-/tmp}/msb-bench-shares.XXXXXX")
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/shared"
server=()
if [ "$(id -u)" -ne 0 ]; then
    echo "virtiofsd is not measured: it needs root" >&2
elif command=$(find_virtiofsd); then
    read -ra server <<<"$command --sandbox none --seccomp none --log-level error"
else
    echo "virtiofsd is not measured: no suite of this machine's archive has it" >&2
fi
"$build/tools/share_bench" "$directory" "${1:-5}" "${2:-20000}" "${3:-1024}" "${server[@]}"
