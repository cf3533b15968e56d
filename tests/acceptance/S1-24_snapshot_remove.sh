#!/usr/bin/env bash
# remove takes names, paths and digests, and not the parent of another one unless forced.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box

parent=$(msb snapshot create -q base --from box)
msb create -q -n fork --from-snapshot base
msb stop -q fork
msb snapshot create -q child --from fork >"$T/child"
run_ok msb snapshot open child
assert_match "$out" "^Parent: *$parent$"
run_fail 1 "has children: 'child'" msb snapshot rm base
run_ok msb snapshot rm "$(cat "$T/child")"
assert_no_path "$MSB_HOME/snapshots/child"
msb snapshot create -q child --from fork >"$T/child"
run_ok msb snapshot rm -f "$MSB_HOME/snapshots/base"
run_fail 1 "snapshot not found: .*/base" msb snapshot rm base
run_fail 1 "snapshot not found: sha256:" msb snapshot rm "$parent"
run_ok msb snapshot ls -q
assert_eq "$out" "$(cat "$T/child")"
assert_eq "$(ls -A "$MSB_HOME/snapshots")" child
msb rm -q -f box fork
no_leftovers
