#!/usr/bin/env bash
# --replace, --replace-with-timeout and --replace-grace: stop signal, that long, then the kill.
. "$(dirname "$0")/../lib.sh"
need_kernel

stubborn() { # START: a sandbox whose command ignores SIGTERM
    run_ok msb run -d -q -n box -- sh -c 'trap "" TERM; touch /root/ready; while :; do sleep 0.1; done'
    eventually 10 msb exec box -- test -e /root/ready
}
replaced() { # SECONDS OPTION...: replaced within this, and the new one is new
    local limit=$1 start=$SECONDS
    shift
    run_ok msb exec box -- sh -c 'echo old >/root/mark'
    run_ok msb create -q -n box "$@"
    [ $((SECONDS - start)) -lt "$limit" ] || fail_test "$* took $((SECONDS - start)) s"
    run_fail 1 '' msb exec box -- test -e /root/mark
}
stubborn
replaced 15 --replace-with-timeout 0
run_ok msb rm -q -f box
stubborn
replaced 15 --replace-grace 500ms
replaced 25 --replace
replaced 25 --replace --replace-with-timeout 5s
replaced 25 --replace-with-timeout 2m # a command that ends at the signal is not waited for any longer

# A command that handles the signal can finish its work.
run_ok msb run -d -q -n box --replace -- sh -c 'trap "echo bye; exit 0" TERM; touch /root/ready; while :; do sleep 0.05; done'
eventually 10 msb exec box -- test -e /root/ready
run_ok msb run -q -n box --replace-with-timeout 10s -- echo new
assert_eq "$out" new

run_fail 1 'duration' msb create -q -n box --replace-with-timeout soon
run_ok msb rm -q -f box

# The library.
python_tests test_sandbox.Lifecycle.test_replace_with_timeout
no_leftovers
