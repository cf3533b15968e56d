#!/usr/bin/env bash
# stop returns when the sandbox is stopped; it succeeds also when it had to kill; it fails only if the end was
# never seen; the image's stop signal is the one that commands get.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb stop -q box
run_ok msb ls --format json
assert_contains "$out" '"status": "Stopped"'
run_ok msb stop -q box # stopped already
run_fail 1 'sandbox not found: missing' msb stop -q missing

run_ok msb run -d -q -n deaf -- sh -c 'trap "" TERM; touch /root/ready; while :; do sleep 0.1; done'
# stops LEAST MOST OPTION...: seconds that the stop of a deaf command takes
stops() {
    local least=$1 most=$2 took
    shift 2
    eventually 10 msb exec deaf -- test -e /root/ready
    took=$(milliseconds msb stop -q "$@" deaf)
    if [ "$took" -lt $((least * 1000)) ] || [ "$took" -gt $((most * 1000)) ]; then
        fail_test "stop $* took $took ms, wanted $least to $most s"
    fi
    run_ok msb inspect deaf --format json
    assert_contains "$out" '"status": "Stopped"'
}
stops 1 9 -t 1
run_ok msb run -d -q -n deaf --replace -- sh -c 'trap "" TERM; touch /root/ready; while :; do sleep 0.1; done'
stops 10 40 # without a word: 10 s

# STOPSIGNAL by any name: this one is the shell's only by its number, 37.
make_rootfs "$T/root"
new_image "$T/layout" --config.stopsignal SIGRTMIN+3
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t signalled
run_ok msb create -q -n kind signalled
"$MSB" exec kind -- sh -c 'trap "echo term >/root/got" TERM; trap "echo 37 >/root/got; exit 0" 37; touch /root/ready; while :; do sleep 0.05; done' &
session=$!
eventually 10 msb exec kind -- test -e /root/ready
run_ok msb stop -q kind
wait "$session" || :
run_ok msb exec kind -- cat /root/got
assert_eq "$out" 37

# Somebody keeps the runtime from ending: that is said, and not that it stopped.
run_ok msb start -q box
if hold_runtime "$(host_pids_of runtime)"; then
    run_fail 1 "timed out observing stopped state: sandbox 'box' does not end" msb stop -q -t 1 box
    release_runtime
fi
run_ok msb stop -q box
run_ok msb rm -q -f box deaf kind
no_leftovers
