#!/usr/bin/env bash
# A release that is built of the same sources in another directory has the same bytes.
# ctest: timeout=1800
# ctest: heavy
. "$(dirname "$0")/../lib.sh"
need ccache dpkg-deb dpkg-shlibdeps python3
need_kernel

mkdir "$T/elsewhere"
tar -C "$SOURCE_DIR" --exclude='./build*' --exclude=./.git -cf - . | tar -C "$T/elsewhere" -xf -
export SOURCE_DATE_EPOCH=1700000000 CCACHE_BASEDIR=$T/elsewhere CCACHE_NOHASHDIR=1
limited 1500 cmake -S "$T/elsewhere" -B "$T/elsewhere/build" --preset release -DMSB_TESTS=OFF >"$T/log" 2>&1
limited 1500 cmake --build "$T/elsewhere/build" --target product >"$T/log" 2>&1 || { tail -n 20 "$T/log"; fail_test "the build"; }

limited 600 "$SOURCE_DIR/scripts/dist.sh" "$MSB_BUILD" "$T/one"
limited 600 "$T/elsewhere/scripts/dist.sh" "$T/elsewhere/build" "$T/two"
for file in "$T"/one/*; do cmp "$file" "$T/two/${file##*/}"; done
(cd "$T/one" && sha256sum --quiet -c SHA256SUMS)
