#!/usr/bin/env bash
# --init-arg and --init-env reach the init; both need --init, which must be absolute or auto.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

run_ok msb create -q -n box -e SHARED=sandbox -e ONLY=sandbox --init /sbin/noting-init --init-arg one --init-arg --two \
    --init-env SHARED=init --init-env EXTRA="a b" inited
eventually 10 msb exec box -- test -s /etc/init.env
run_ok msb exec box -- cat /etc/init.args
assert_eq "$out" "/sbin/noting-init one --two"
run_ok msb exec box -- cat /etc/init.env
assert_match "$out" '^SHARED=init$'
assert_match "$out" '^ONLY=sandbox$'
assert_match "$out" '^EXTRA=a b$'
# They are the init's alone.
run_ok msb exec box -- sh -c 'echo $SHARED $EXTRA'
assert_eq "$out" sandbox

run_fail 2 '--init' msb run -q --init-arg x -- true
run_fail 2 '--init' msb run -q --init-env A=b -- true
run_fail 1 "absolute path or 'auto'.*'sbin/init'" msb run -q --init sbin/init -- true
run_fail 1 'env|KEY' msb run -q --init /sbin/init --init-env =x -- true
run_ok msb rm -q -f box
no_leftovers
