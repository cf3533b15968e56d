#!/usr/bin/env bash
# ctest: timeout=300
# kill -9 of the command line, the runtime or the engine, at many moments: nothing is left that the
# next command does not repair, and `msb ls` tells the truth.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb run -q -- true # the image is in the cache from here on

# A throw-away run, its command line killed at ten moments from start to steady state.
for delay in 0.00 0.01 0.02 0.04 0.07 0.11 0.16 0.22 0.35 0.60; do
    "$MSB" run -q -- sleep 60 >/dev/null 2>&1 &
    cli=$!
    sleep "$delay"
    kill -9 "$cli" 2>/dev/null || :
    wait "$cli" 2>/dev/null || :
    eventually 5 no_test_processes
    run_ok msb ls --format json
    assert_eq "$out" "[]" "list after a kill at $delay s"
    no_leftovers
    assert_eq "$(find "$MSB_HOME/sandboxes" -mindepth 1)" "" "files after a kill at $delay s"
done

# The same with Ctrl-C and SIGTERM: the exit code says which, and everything is cleaned up at once.
for signal in INT:130 TERM:143; do
    for delay in 0.03 0.08 0.15 0.50; do
        # A background job of a script ignores SIGINT; a process of its own does not.
        setsid env --default-signal=INT,QUIT "$MSB" run -q -- sleep 60 >/dev/null 2>&1 &
        cli=$!
        sleep "$delay"
        kill -"${signal%:*}" "$cli"
        code=0
        wait "$cli" || code=$?
        assert_eq "$code" "${signal#*:}" "exit code after SIG${signal%:*} at $delay s"
        run_ok msb ls --format json
        assert_eq "$out" "[]" "list after SIG${signal%:*} at $delay s"
        no_leftovers
    done
done

# A named sandbox whose foreground command line is killed shuts down by itself.
"$MSB" run -q -n orphan -- sleep 60 >/dev/null 2>&1 &
cli=$!
eventually 15 sh -c '"$0" ps -q | grep -qx orphan' "$MSB"
kill -9 "$cli"
wait "$cli" 2>/dev/null || :
eventually 20 sh -c '"$0" ls --stopped -q | grep -qx orphan' "$MSB"
run_ok msb inspect orphan --format json
assert_contains "$out" '"reason": "ParentExit"'
run_ok msb rm -q orphan
no_leftovers

# A named create killed on its way: the name is free, or holds a sandbox that can be used.
for delay in 0.00 0.01 0.02 0.04 0.08 0.15; do
    "$MSB" create -q -n half >/dev/null 2>&1 &
    cli=$!
    sleep "$delay"
    kill -9 "$cli" 2>/dev/null || :
    wait "$cli" 2>/dev/null || :
    run_ok msb run -q -n half -- echo usable
    assert_eq "$out" usable "a run after a create killed at $delay s"
    run_ok msb rm -q -f half
    no_leftovers
done

# The runtime of a detached sandbox, and its engine, killed: Crashed, and startable again.
run_ok msb create -q -n victim
for program in runtime linux; do
    pid=$(test_processes | awk -v name=$program '$2 == name {print $1; exit}')
    [ -n "$pid" ] || fail_test "no process '$program': $(test_processes)"
    kill -9 "$pid"
    eventually 10 sh -c '"$0" ls --format json | grep -q Crashed' "$MSB"
    no_leftovers
    run_fail 1 'not running' msb ping victim
    run_ok msb start -q victim
    run_ok msb exec victim -- echo back
    assert_eq "$out" back "exec after $program was killed"
done
run_ok msb rm -q -f victim
no_leftovers
