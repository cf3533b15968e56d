#!/usr/bin/env bash
# open says what is wrong with a snapshot whose descriptor cannot be read, or whose disk is not all there.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box
msb snapshot create -q one --from box >/dev/null
dir=$MSB_HOME/snapshots/one
cp -r --sparse=always "$dir" "$T/good"
damaged() { # PATTERN: on every command that opens it
    for command in "snapshot open" "snapshot verify" "run -q --from" "snapshot export -o $T/out"; do
        # shellcheck disable=SC2086
        run_fail 1 "$1" msb $command "$dir"
    done
    run_ok msb snapshot ls -q
    assert_eq "$out" "" "what ls lists"
    assert_contains "$err" "is damaged"
    rm -rf "$dir"
    cp -r --sparse=always "$T/good" "$dir"
    chmod -R u+w "$dir"
}
chmod -R u+w "$dir"
truncate -s -1 "$dir/upper.ext4"
damaged "damaged: 'upper.ext4' is not a file of 4294967296 bytes"
truncate -s +1 "$dir/upper.ext4"
damaged "is not a file of 4294967296 bytes"
rm "$dir/upper.ext4"
damaged "is damaged"
rm "$dir/upper.ext4" && mkfifo "$dir/upper.ext4"
damaged "is damaged"
rm "$dir/upper.ext4" && ln -s "$T/good/upper.ext4" "$dir/upper.ext4"
damaged "is damaged"
truncate -s 100 "$dir/snapshot.json"
damaged "damaged: its descriptor"
: >"$dir/snapshot.json"
damaged "damaged: its descriptor"
ln -sf "$T/good/snapshot.json" "$dir/snapshot.json"
damaged "is damaged"
run_ok msb snapshot open one
assert_no_path "$T/out"
msb rm -q -f box
no_leftovers
