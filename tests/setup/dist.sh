#!/usr/bin/env bash
# A release of what is built, installed and updated with sandboxes that run: they go on with the version that they were
# started by, and the new msb has them. The same as Debian's package.
# ctest: timeout=900
# ctest: heavy
. "$(dirname "$0")/../lib.sh"
need dpkg-deb dpkg-shlibdeps python3 jq
need_kernel
export HOME=$T/user
mkdir "$HOME"

limited 600 "$SOURCE_DIR/scripts/dist.sh" "$MSB_BUILD" "$T/release"
(cd "$T/release" && sha256sum --quiet -c SHA256SUMS)
archive=$T/release/microsandbox-linux-x86_64.tar.gz

# What it is made of names what is linked, static or not, and what comes along.
run_ok jq -r '.bomFormat, .components[].name' "$T/release/microsandbox.cdx.json"
for name in CycloneDX libssl-dev libcurl4 libfmt-dev nlohmann-json3-dev busybox-static; do
    grep -Fxq -- "$name" <<<"$out" || fail_test "$name is not in the list"
done
assert_contains "$out" "linux (uml-"
assert_not_contains "$out" libgtest-dev

# Nothing of this machine is in it, and it needs nothing else.
mkdir "$T/tree"
tar -xzf "$archive" -C "$T/tree" --strip-components=1
if grep -rIl -- "$SOURCE_DIR" "$T/tree"; then fail_test "the release names the source tree"; fi
assert_eq "$(tar -tvzf "$archive" | awk '{print $2}' | sort -u)" 0/0

# The installer beside it takes what is beside it.
run_ok env -i PATH=/usr/bin:/bin HOME="$HOME" "$T/release/install.sh"
home=$HOME/.microsandbox
installed=$HOME/.local/bin/msb
clean() { env -i PATH=/usr/bin:/bin HOME="$HOME" "$@"; }
for number in 1 2 3; do
    run_ok clean "$installed" create -q -n "box$number"
    run_ok clean "$installed" exec "box$number" -- sh -c 'echo kept >/root/note'
done
first=$(readlink -f "$home/lib/microsandbox/current")
for runtime in $(host_pids_of runtime); do
    assert_eq "$(stat -Lc %d:%i "/proc/$runtime/exe")" "$(stat -c %d:%i "$first/libexec/microsandbox/runtime")"
done

# Another release of the same: two updates, through msb itself. The first version is neither current nor the one before
# any more, but it runs.
for release in second third; do
    mkdir "$T/$release"
    { gunzip <"$archive"; echo "$release"; } | gzip -1n >"$T/$release/${archive##*/}"
    (cd "$T/$release" && sha256sum "${archive##*/}" >SHA256SUMS)
    run_ok clean "$installed" self update --from "$T/$release"
    assert_contains "$err" "Installed msb"
done
assert_path "$first/bin/msb"
run_ok clean "$installed" update
assert_contains "$err" "Already up to date"
run_fail 1 'sandboxes run in' clean "$installed" self uninstall --yes
for number in 1 2 3; do
    run_ok clean "$installed" exec "box$number" -- cat /root/note
    assert_eq "$out" kept
    run_ok clean "$installed" stop -q "box$number"
    run_ok clean "$installed" start -q "box$number"
    run_ok clean "$installed" exec "box$number" -- cat /root/note
    assert_eq "$out" kept
done
run_ok clean "$installed" self downgrade
run_ok clean "$installed" exec box1 -- cat /root/note
for number in 1 2 3; do run_ok clean "$installed" rm -f "box$number"; done
run_ok clean "$installed" upgrade
assert_no_path "$first" "a version that nothing uses any more"

run_ok clean "$installed" self uninstall --yes
assert_no_path "$installed"
assert_no_path "$home/lib"
assert_path "$home/sandboxes"

# Debian's package has the same files and names what they need.
deb=$(echo "$T"/release/*.deb)
run_ok dpkg-deb -f "$deb" Depends
assert_match "$out" 'libc6 \(>= '
run_ok dpkg-deb -x "$deb" "$T/deb"
assert_eq "$(stat -c %U "$(command -v dpkg-deb)") $(dpkg-deb -c "$deb" | awk '{print $2}' | sort -u)" "root root/root"
run_ok clean "$T/deb/usr/bin/msb" run -q -- echo from a package
assert_eq "$out" "from a package"
(cd "$T/deb" && dpkg-deb -I "$deb" md5sums | md5sum --quiet -c)
no_leftovers
