#!/usr/bin/env bash
# A bare name is looked up in the store, anything else is a path; what is there is only replaced by force (S1-18).
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box

run_ok msb snapshot create "$T/place/one" --from box
assert_path "$T/place/one/snapshot.json"
run_ok msb snapshot create two --from box --dest-dir "$T/place"
assert_path "$T/place/two/snapshot.json"
(cd "$T" && run_ok msb snapshot open ./place/two)
run_fail 1 "snapshot not found: $MSB_HOME/snapshots/two" msb snapshot open two
for name in a:b 'a\b' ''; do
    run_fail 1 "invalid snapshot name" msb snapshot create "$name" --from box
done

run_ok msb snapshot create three --from box -q
first=$out
run_fail 1 "snapshot already exists: .*/three" msb snapshot create three --from box
run_ok msb snapshot create three --from box -q -f
[ "$out" != "$first" ] || fail_test "it was not replaced"
mkdir "$T/mine" && touch "$T/mine/file"
run_fail 1 "is no snapshot" msb snapshot create "$T/mine" --from box -f
assert_path "$T/mine/file"
assert_eq "$(find "$T" -name '*.staging')" "" "what is left over"
msb rm -q -f box
no_leftovers
