#!/usr/bin/env bash
# An engine that was taken over cannot keep a process of the host from ending: no device waits for it, the
# longest duration is kept, and stop, kill and rm leave nothing.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel
need_root
need python3
mkdir "$T/dir"

# attack SOCKET: as the engine, on the device behind it.
attack() {
    local pid code=3
    for pid in $(host_pids_of linux); do
        code=0
        python3 "$TESTS_DIR/fault/hostile_engine.py" "$pid" "$1" || code=$?
        [ $code = 3 ] || break
    done
    assert_eq $code 0 "attack on $1"
}

for device in vsock.sock rng.sock root.sock upper.sock fs-0.sock net.sock; do
    run_ok msb create -q -n box --max-duration 8s --net public -v "$T/dir:/x"
    attack $device
    # Whatever became of the guest without its device: time passes, and the runtime sees it.
    begin=$SECONDS
    eventually 40 sh -c '"$0" inspect box --format json | grep -Eq "\"status\": \"(Stopped|Crashed)\""' "$MSB"
    [ $((SECONDS - begin)) -lt 35 ] || fail_test "$device: ended after $((SECONDS - begin)) s"
    no_leftovers
    run_ok msb rm -q -f box
done

for how in "rm -q -f" "stop -q -t 1"; do
    run_ok msb create -q -n box --net public -v "$T/dir:/x"
    for device in net.sock fs-0.sock upper.sock root.sock rng.sock vsock.sock; do # without vsock a guest powers off
        attack $device
    done
    begin=$EPOCHREALTIME
    # shellcheck disable=SC2086
    run_ok msb $how box
    assert_prompt "$begin" "$how"
    assert_eq "$(host_pids_of netd fsd runtime linux)" "" "processes after $how"
done
run_ok msb rm -q box
no_leftovers
