#!/usr/bin/env bash
# Names of files are bytes: those that are not UTF-8, or hold line ends, come unchanged through patches, copies, volumes of
# both kinds, snapshots, archives, forks and comparisons, and are printed so that no terminal is led astray.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

odd=$(printf 'b\xff\xfe\x1b[1m \n.')
mkdir -p "$T/tree/$odd"
echo odd >"$T/tree/$odd/$odd"
ln -s "$odd" "$T/tree/link"
names() { (cd "$1" && find . -print0 | sort -z | tr '\0' '|' | od -An -c); }
same() { # DIRECTORY: has what the tree has
    assert_eq "$(names "$1")" "$(names "$T/tree")" "names in $1"
    cmp "$T/tree/$odd/$odd" "$1/$odd/$odd"
    assert_eq "$(readlink "$1/link")" "$odd"
}

# Patches, and out again.
run_ok msb create -q -n box --copy "$T/tree:/patched" --mount-owned /own -v plain:/v -v "$T/tree:/share:ro"
run_ok msb exec box -- cp -a /share /own/tree
run_ok msb exec box -- cp -a /share /v/tree
for from in /patched /own/tree /v/tree; do
    run_ok msb cp -q box:$from "$T/out"
    same "$T/out"
    rm -r "$T/out"
done
run_ok msb cp -q "$T/tree" box:/copied
run_ok msb exec box -- sh -c 'cat /copied/link/*'
assert_eq "$out" odd

# Volumes of both kinds, without a guest.
same "$MSB_HOME/volumes/plain/tree"
msb volume create -q disk --kind disk --size 128M
run_ok msb cp -q plain:/tree disk:/
run_ok msb cp -q disk:/tree "$T/out"
same "$T/out"
rm -r "$T/out"
run_ok msb cp -q "plain:/tree/$odd/$odd" - >/dev/null
msb stop -q box
run_ok msb volume clone -q plain twin
same "$MSB_HOME/volumes/twin/tree"

# Snapshots, archives and forks.
run_ok msb snapshot create -q one --from box
run_ok msb snapshot export one -o "$T/one.tar.zst"
run_ok msb snapshot rm -q one
run_ok msb snapshot import -q "$T/one.tar.zst"
run_ok msb fork -q box child
run_ok msb create -q -n grown --from one
for name in child grown; do
    for from in /copied /own/tree; do
        run_ok msb cp -q $name:$from "$T/out"
        same "$T/out"
        rm -r "$T/out"
    done
done

# Comparisons: what is printed is on one line and harmless, what JSON has is exact.
run_ok msb exec grown -- sh -c 'for f in /copied/link/*; do echo changed >>"$f"; done; rm /patched/link/*'
msb stop -q grown
run_ok msb diff grown
assert_eq "$(grep -c . <<<"$out")" 2 "lines"
assert_not_contains "$out" $'\x1b'
assert_match "$out" '^C /copied/b.*  4 B → 12 B'
msb snapshot create -q two --from grown >/dev/null
run_ok msb snapshot diff one two --format json
python3 -c 'import json, sys; print(len(json.load(sys.stdin)))' <<<"$out" >"$T/count"
run_ok msb rm -q -f box child grown
no_leftovers
