#!/usr/bin/env bash
# What is there is not replaced, unless by force; and then there is no moment without a whole snapshot.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box
first=$(msb snapshot create -q one --from box)
run_fail 1 "snapshot already exists: $MSB_HOME/snapshots/one" msb snapshot create one --from box
assert_contains "$err" "--force"
assert_eq "$(msb snapshot ls -q)" "$first"
for flag in -f --force; do
    run_ok msb snapshot create -q one --from box $flag
    [ "$out" != "$first" ] || fail_test "it was not replaced"
    assert_eq "$(msb snapshot ls -q)" "$out"
done
for _ in 1 2 3 4 5; do
    "$MSB" snapshot create -q one --from box -f >/dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null; do
        [ -f "$MSB_HOME/snapshots/one/snapshot.json" ] || [ -f "$MSB_HOME/snapshots/one/snapshot.json" ] ||
            fail_test "there was a moment without a snapshot"
    done
    wait $pid
done
# What is no snapshot is not touched.
mkdir "$T/mine" && touch "$T/mine/file"
run_fail 1 "is no snapshot" msb snapshot create "$T/mine" --from box -f
assert_path "$T/mine/file"
assert_eq "$(find "$T" -name '*.staging')" "" "what is left over"
msb rm -q -f box
no_leftovers
