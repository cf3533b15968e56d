#!/usr/bin/env bash
# A snapshot is of a sandbox that does not run: a running one is refused, a stopped or crashed one is not. (Only where files
# can share blocks is one that runs not refused either: tests/guest/freeze_shared.sh.)
. "$(dirname "$0")/../lib.sh"
need_kernel

if cp --reflink=always "$MSB" "$T/shared" 2>/dev/null; then skip "files can share blocks here"; fi
msb create -q -n box
run_fail 1 "snapshot source sandbox 'box' is not stopped" msb snapshot create one --from box
assert_contains "$err" "msb stop box"
assert_no_path "$MSB_HOME/snapshots/one"
run_fail 1 "sandbox not found: nobody" msb snapshot create one --from nobody
msb stop -q box
run_ok msb snapshot create one --from box
msb start -q box
kill -9 "$(cat "$MSB_HOME"/run/locks/*.pid)"
eventually 10 sh -c "$MSB inspect box --format json | grep -q Crashed"
run_ok msb snapshot create two --from box
msb rm -q -f box
no_leftovers
