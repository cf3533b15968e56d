#!/usr/bin/env bash
# What the guest has not written to its disk is not in a snapshot: a file after `sync` or a stop is, one that a killed
# guest had in memory only need not be, and never is there in part.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb exec box -- sh -c 'echo synced >/synced; sync; echo stopped >/stopped'
msb stop -q box
msb snapshot create -q one --from box >/dev/null
run_ok msb run -q --from one -- cat /synced /stopped
assert_eq "$out" "synced
stopped"

msb start -q box
msb exec box -- sh -c 'echo again >/synced; sync; yes text | head -c 1000000 >/cached'
kill -9 "$(cat "$MSB_HOME"/run/locks/*.pid)"
eventually 10 sh -c "$MSB inspect box --format json | grep -q Crashed"
msb snapshot create -q two --from box >/dev/null
run_ok msb run -q --from two -- sh -c 'cat /synced; [ ! -s /cached ] || [ $(head -c 4096 /cached | tr -d "text\n" | wc -c) = 0 ]'
assert_eq "$out" again
msb rm -q -f box
no_leftovers
