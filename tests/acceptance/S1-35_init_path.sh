#!/usr/bin/env bash
# --init PATH: that program is process 1 of the guest; exec, files and logs work as without it.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

run_ok msb create -q -n box --init /sbin/init inited
run_ok msb exec box -- sh -c 'cat /proc/1/comm; readlink /proc/1/exe'
assert_eq "$out" "init
/bin/busybox"
assert_eq "$(echo in | msb exec box -- cat)" in "stdin"
run_fail 3 '' msb exec box -- sh -c 'echo err >&2; exit 3'
run_ok msb logs box --source stderr
assert_eq "$out" err
run_ok msb ping box
# The handoff belongs to the sandbox: it is there again after a restart.
run_ok msb restart -q box
run_ok msb exec box -- cat /proc/1/comm
assert_eq "$out" init
run_ok msb inspect box --format json
assert_contains "$out" '"cmd": "/sbin/init"'
run_ok msb rm -q -f box
no_leftovers
