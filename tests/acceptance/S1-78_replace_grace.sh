#!/usr/bin/env bash
# --replace, --replace-with-timeout and --replace-grace: stop signal, that long, then the kill.
. "$(dirname "$0")/../lib.sh"
need_kernel

stubborn() { # START: a sandbox whose command ignores SIGTERM
    run_ok msb run -d -q -n box -- sh -c 'trap "" TERM; touch /root/ready; while :; do sleep 0.1; done'
    eventually 10 msb exec box -- test -e /root/ready
}
replaced() { # LEAST MOST OPTION...: replaced after so many seconds, and the new one is new
    local least=$1 most=$2 start took
    shift 2
    run_ok msb exec box -- sh -c 'echo old >/root/mark'
    start=${EPOCHREALTIME/./}
    run_ok msb create -q -n box "$@"
    took=$(((${EPOCHREALTIME/./} - start) / 1000))
    if [ $took -lt $((least * 1000)) ] || [ $took -gt $((most * 1000)) ]; then
        fail_test "$* took $took ms, wanted $least to $most s"
    fi
    run_fail 1 '' msb exec box -- test -e /root/mark
}
stubborn
replaced 0 9 --replace-with-timeout 0
run_ok msb rm -q -f box
stubborn
replaced 0 9 --replace-grace 500ms
run_ok msb rm -q -f box
stubborn
replaced 2 9 --replace --replace-with-timeout 2s
run_ok msb rm -q -f box
stubborn
replaced 10 40 --replace # the default
replaced 0 40 --replace-with-timeout 2m # a command that ends at the signal is not waited for any longer

# A command that handles the signal can finish its work.
run_ok msb run -d -q -n box --replace -- sh -c 'trap "echo bye; exit 0" TERM; touch /root/ready; while :; do sleep 0.05; done'
eventually 10 msb exec box -- test -e /root/ready
run_ok msb run -q -n box --replace-with-timeout 10s -- echo new
assert_eq "$out" new

run_fail 1 'duration' msb create -q -n box --replace-with-timeout soon
run_ok msb rm -q -f box

# The library.
python_tests test_lifecycle.Lifecycle.test_replace_with_timeout
no_leftovers
