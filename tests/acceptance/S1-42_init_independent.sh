#!/usr/bin/env bash
# The init is independent of command, entrypoint and user; the last --init counts.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

run_ok msb run -q -u user -w /tmp --entrypoint echo --init /no/such --init /sbin/init inited -- said
assert_eq "$out" said
run_ok msb run -q -u user --init /sbin/init inited -- sh -c 'id -u; grep Uid: /proc/1/status'
assert_eq "$out" "1000
Uid:	0	0	0	0"
run_fail 7 '' msb run -q --init /sbin/init inited -- sh -c 'exit 7'
no_leftovers
