#!/usr/bin/env bash
# Killed before each of its steps, an installation, an update and a removal leave what was there or what was to be, and
# the next one clears up. So does a full disk.
# ctest: timeout=600
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/releases.sh"
need flock setsid

make_release "$T/one" 1.0.0
make_release "$T/two" 2.0.0

# Commands of the script that count themselves; number $KILL_AT kills the script with all of its children.
mkdir "$T/steps"
for name in mkdir rm rmdir cp cat mv ln readlink tar sha256sum sync; do
    {
        echo '#!/bin/sh'
        echo "read -r number <$T/count; number=\$((number + 1)); echo \$number >$T/count"
        echo '[ $number != "$KILL_AT" ] || kill -9 0'
        if [ $name = sync ]; then echo 'exit 0'; else echo "exec $(command -v $name) \"\$@\""; fi
    } >"$T/steps/$name"
    chmod 755 "$T/steps/$name"
done

# killed_at NUMBER ARGUMENT...: false if the script ended before that step.
killed_at() {
    echo 0 >"$T/count"
    run setsid -w env PATH="$T/steps:$PATH" KILL_AT="$1" "$INSTALLER" "${@:2}"
    [ "$code" -ne 0 ] || return 1
    assert_eq "$code" 137 "step $1: $err"
}

nothing_half_done() {
    assert_eq "$(find "$MSB_HOME" "$HOME" -name '*.msb-new' -o -name .new -o -name .old -o -name .removed)" "" "$1"
}

restore() {
    rm -rf "$MSB_HOME" "$HOME"
    [ ! -d "$T/kept" ] || cp -a "$T/kept/home" "$T/kept/user" "$T"
    mkdir -p "$HOME"
}

# The first installation: it is there or not, and the next one is whole.
step=1
while restore && killed_at $step --from "$T/one"; do
    [ ! -e "$HOME/.local/bin/msb" ] || assert_eq "$(installed_version)" "msb 1.0.0" "step $step"
    run_ok installer --from "$T/one"
    assert_eq "$(installed_version) $(versions)" "msb 1.0.0 1.0.0" "after step $step"
    nothing_half_done "step $step"
    step=$((step + 1))
done
[ $step -gt 15 ] || fail_test "only $step steps"

# An update: the old version or the new one.
mkdir "$T/kept"
cp -a "$MSB_HOME" "$HOME" "$T/kept"
step=1
while restore && killed_at $step --from "$T/two"; do
    assert_match "$(installed_version)" '^msb [12]\.0\.0$'
    run_ok installer --from "$T/two"
    assert_eq "$(installed_version) $(versions)" "msb 2.0.0 1.0.0 2.0.0" "after step $step"
    nothing_half_done "step $step"
    run_ok installer --downgrade
    assert_eq "$(installed_version)" "msb 1.0.0"
    step=$((step + 1))
done
[ $step -gt 15 ] || fail_test "only $step steps"

# A removal can be repeated, and what is half removed can be installed again.
step=1
while restore && killed_at $step --uninstall --yes; do
    run installer --uninstall --yes
    [ "$code" -eq 0 ] || assert_contains "$err" "has not installed microsandbox"
    assert_no_path "$HOME/.local/bin/msb"
    run_ok installer --from "$T/one"
    assert_eq "$(installed_version)" "msb 1.0.0" "after step $step"
    nothing_half_done "step $step"
    step=$((step + 1))
done
[ $step -gt 8 ] || fail_test "only $step steps"

# A full disk: what is there stays.
make_release "$T/large" 3.0.0
tree=$T/.release/microsandbox-3.0.0
head -c 6M /dev/urandom >"$tree/lib/large"
tar -C "$T/.release" -czf "$T/large/microsandbox-linux-x86_64.tar.gz" microsandbox-3.0.0
(cd "$T/large" && sha256sum microsandbox-linux-x86_64.tar.gz >SHA256SUMS)
[ "$(id -u)" -eq 0 ] || exit 0
restore
rm -rf "$MSB_HOME"
export INSTALLER T
for size in 5M 10M; do # not even the archive; not what is in it
    run_ok unshare -m bash -euc '
        mkdir -p "$MSB_HOME"
        mount -t tmpfs -o "size=$1" none "$MSB_HOME"
        "$INSTALLER" --from "$T/one"
        ! "$INSTALLER" --from "$T/large" || exit 1
        "$HOME/.local/bin/msb" --version
        "$INSTALLER" --from "$T/two"
        "$HOME/.local/bin/msb" --version' - $size
    assert_eq "$out" $'msb 1.0.0\nmsb 2.0.0' "$size"
done
no_leftovers
