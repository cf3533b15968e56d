#!/usr/bin/env bash
# A fork takes the version of the image that the snapshot was made with, wherever its name leads by now; images of
# snapshots stay in the cache.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box

msb snapshot create -q one --from box >/dev/null
msb rm -q -f box
reference=$(msb image ls -q)
run_fail 1 "in use" msb image rm "$reference"
run_ok msb run -q --from one --pull never -- true

# In another home the image has to be got again; without one there is no starting.
export MSB_HOME=$T/other
run_fail 1 "snapshot image missing" msb run -q --from "$T/home/snapshots/one" --pull never -- true
run_ok msb run -q --from "$T/home/snapshots/one" -- echo here
assert_eq "$out" here
no_leftovers
