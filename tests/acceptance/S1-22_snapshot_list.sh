#!/usr/bin/env bash
# list is newest first; list-dir reads a directory; the index is only a cache (S1-23, S1-25, S1-26).
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb snapshot ls
assert_eq "$out$err" "No snapshots indexed."
run_ok msb snapshot ls --format json
assert_eq "$out" "[]"
msb create -q -n box
msb stop -q box

first=$(msb snapshot create -q first --from box)
second=$(msb snapshot create -q "$T/else/second" --from box)
run_ok msb snaps ls -q
assert_eq "$out" "$second
$first"
run_ok msb snapshot list --format json
for key in digest name parent_digest image_ref format size_bytes created_at artifact_path; do
    assert_contains "$out" "\"$key\": "
done
run_ok msb snapshot list
assert_match "$out" '^NAME +IMAGE +SIZE +CREATED'

mkdir "$T/else/no-snapshot" && touch "$T/else/file"
mkdir "$T/else/bad" && echo '{' >"$T/else/bad/snapshot.json"
run_ok msb snapshot list-dir "$T/else" -q
assert_eq "$out" "$second"
assert_contains "$err" "is damaged"

# Moved by hand it stays usable; without a database as well.
mv "$T/else/second" "$T/moved"
run_ok msb snapshot ls -q
assert_eq "$out" "$first"
run_ok msb snapshot open "$T/moved"
assert_contains "$out" "$second"
run_ok msb snapshot ls -q
assert_contains "$out" "$second"
rm -rf "$MSB_HOME/db"
run_ok msb snapshot reindex
assert_eq "$out" "indexed 1 snapshot(s) from $MSB_HOME/snapshots"
mkdir "$T/shelf" && mv "$T/moved" "$T/shelf/"
run_ok msb snapshot reindex "$T/shelf"
assert_eq "$out" "indexed 1 snapshot(s) from $T/shelf"
run_ok msb snapshot ls -q
assert_eq "$out" "$second
$first"
msb rm -q -f box
no_leftovers
