#!/usr/bin/env bash
# reindex finds again what is in a directory, and says how many; a lost database is no loss.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box
first=$(msb snapshot create -q first --from box)
second=$(msb snapshot create -q second --from box)
outside=$(msb snapshot create -q "$T/shelf/outside" --from box)
rm -rf "$MSB_HOME/db"
run_ok msb snapshot reindex
assert_eq "$out" "indexed 2 snapshot(s) from $MSB_HOME/snapshots"
run_ok msb snapshot ls -q
assert_eq "$out" "$second
$first"
mkdir "$T/shelf/.hidden" "$T/shelf/none"
run_ok msb snapshot reindex "$T/shelf"
assert_eq "$out" "indexed 1 snapshot(s) from $T/shelf"
run_ok msb snapshot ls -q
assert_eq "$out" "$outside
$second
$first"
rm -rf "$T/shelf/outside"
run_ok msb snapshot reindex "$T/shelf"
assert_eq "$out" "indexed 0 snapshot(s) from $T/shelf"
run_ok msb snapshot ls -q
assert_not_contains "$out" "$outside"
run_fail 1 "directory not found" msb snapshot reindex "$T/nowhere"
msb rm -q -f box
no_leftovers
