#!/usr/bin/env bash
# A release of the same sources has the same bytes, whenever and wherever it is made: made twice of the build, and by a
# build in another directory. That takes as long as the first one, so unless WHOLE=1 is set, only some programs are built there.
# ctest: timeout=1800
# ctest: heavy
. "$(dirname "$0")/../lib.sh"
need dpkg-deb dpkg-shlibdeps python3
need_kernel

export SOURCE_DATE_EPOCH=1700000000
limited 300 "$SOURCE_DIR/scripts/dist.sh" "$MSB_BUILD" "$T/one"
(cd "$T/one" && sha256sum --quiet -c SHA256SUMS)

elsewhere=$T/else\ where
mkdir "$elsewhere"
tar -C "$SOURCE_DIR" --exclude='./build*' --exclude=./.git -cf - . | tar -C "$elsewhere" -xf -
build() {
    run_ok cmake -S "$elsewhere" -B "$elsewhere/build" --preset release -DMSB_TESTS=OFF
    limited 1500 cmake --build "$elsewhere/build" --target "$@" >"$T/log" 2>&1 ||
        { tail -n 20 "$T/log"; fail_test "the build"; }
}
if [ -n "${WHOLE:-}" ]; then
    build product
    limited 300 "$elsewhere/scripts/dist.sh" "$elsewhere/build" "$T/two"
else
    build mkext4 diskhash
    for program in mkext4 diskhash; do
        strip -o "$T/here" "$MSB_BUILD/libexec/microsandbox/$program"
        strip -o "$T/there" "$elsewhere/build/libexec/microsandbox/$program"
        cmp "$T/here" "$T/there"
    done
    # Later, elsewhere, with other habits.
    mkdir "$T/tmp"
    sleep 1
    (umask 077 && TMPDIR=$T/tmp TZ=Asia/Tokyo LC_ALL=C limited 300 "$SOURCE_DIR/scripts/dist.sh" "$MSB_BUILD" "$T/two")
fi
diff -r "$T/one" "$T/two"
