#!/usr/bin/env bash
# list-dir reads each directory's descriptor, asks no index and changes none, and passes over what is no snapshot.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box
first=$(msb snapshot create -q first --from box --dest-dir "$T/shelf")
second=$(msb snapshot create -q second --from box --dest-dir "$T/shelf")
rm -rf "$MSB_HOME/db"
mkdir "$T/shelf/empty" "$T/shelf/bad" "$T/shelf/.hidden"
echo '{' >"$T/shelf/bad/snapshot.json"
touch "$T/shelf/file"
ln -s /nowhere "$T/shelf/link"
run_ok msb snapshot list-dir "$T/shelf" -q
assert_eq "$out" "$second
$first"
assert_match "$err" "'$T/shelf/bad' is damaged"
run_ok msb snapshot list-dir "$T/shelf"
assert_match "$out" '^first +'
run_ok msb snapshot list-dir "$T/shelf" --format json
assert_contains "$out" "\"artifact_path\": \"$T/shelf/first\""
run_ok msb snapshot ls -q
assert_eq "$out" "" "what the index knows"
run_ok msb snapshot list-dir "$T/nowhere"
assert_contains "$err" "No snapshots found."
msb rm -q -f box
no_leftovers
