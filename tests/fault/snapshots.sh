#!/usr/bin/env bash
# A command that is killed while it makes a snapshot leaves no half of one, and nothing that the next does not remove.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb exec box -- sh -c 'dd if=/dev/urandom of=/data bs=1M count=200 2>/dev/null; sync'
msb stop -q box
msb snapshot create -q one --from box --integrity >"$T/digest"
for delay in 0.01 0.02 0.04 0.06 0.1 0.2 0.4; do
    "$MSB" snapshot create -q one --from box --integrity -f >"$T/new" 2>/dev/null &
    sleep $delay
    kill -9 $! 2>/dev/null || :
    wait $! 2>/dev/null || :
    run_ok msb snapshot ls -q
    assert_match "$out" '^sha256:[0-9a-f]{64}$'
    run_ok msb snapshot verify one
    assert_eq "$(ls -A "$MSB_HOME/snapshots")" one "what is left"
done
# The program that hashes dies: the command says so, and what was there stays.
for delay in 0.05 0.1 0.2 0.4; do
    "$MSB" snapshot create -q one --from box --integrity -f >"$T/new" 2>/dev/null &
    sleep $delay
    # shellcheck disable=SC2046
    kill -9 $(host_pids_of diskhash) 2>/dev/null || :
    wait $! || :
    run_ok msb snapshot verify one
    assert_eq "$(ls -A "$MSB_HOME/snapshots")" one "what is left"
done
# A fork that is killed leaves sandboxes that can be used, or none, and no copy of the disk.
for delay in 0.05 0.15 0.3; do
    "$MSB" fork -q box f1 f2 >/dev/null 2>&1 &
    sleep $delay
    kill -9 $! 2>/dev/null || :
    wait $! 2>/dev/null || :
    for name in f1 f2; do
        run msb rm -q -f $name
        [ "$code" -eq 0 ] || assert_contains "$err" "not found"
    done
    run_ok msb snapshot ls -q
    assert_eq "$(ls -A "$MSB_HOME/snapshots")" one "what is left in the store"
done
# A signal cleans up at once, and the sandbox can be used meanwhile and afterwards.
"$MSB" snapshot create -q two --from box --integrity >/dev/null &
pid=$!
sleep 0.05
kill -INT $pid
code=0
wait $pid || code=$?
case $code in 0 | 130) ;; *) fail_test "exit code $code after SIGINT" ;; esac
assert_eq "$(find "$MSB_HOME/snapshots" -name '*.staging')" ""
run_ok msb start -q box
msb rm -q -f box
no_leftovers
