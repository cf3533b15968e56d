#!/usr/bin/env bash
# Commands that outlive the client that started them: started detached, listed, attached, signalled,
# logged.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb sessions box
assert_contains "$err" "No sessions found."

# Started and left; its output waits for whoever attaches, and is in the log.
run_ok msb exec -d box -- sh -c 'echo first; until [ -e /tmp/go ]; do sleep 0.1; done; echo second; exit 9'
first=$out
assert_match "$first" '^[0-9]+$'
run_ok msb sessions box
assert_match "$out" "^$first .* no +detached +.* -  +sh -c"
run_ok msb sessions box -q
assert_eq "$out" "$first"
eventually 10 sh -c '"$0" logs box | grep -q first' "$MSB"
"$MSB" attach box </dev/null >"$T/attached" &
cli=$!
eventually 10 grep -q first "$T/attached"
run_fail 1 'another client is attached' msb attach box "$first"
run_ok msb exec box -- touch /tmp/go
code=0
wait "$cli" || code=$?
assert_eq "$code" 9 "exit code of the attached command"
assert_eq "$(cat "$T/attached")" "$(printf 'first\nsecond')"

# Its end is remembered, and its output for who wants it all.
run_ok msb sessions box --format json
assert_contains "$out" '"exit_code": 9'
assert_contains "$out" '"state": "exited"'
run_fail 9 '' msb attach box "$first"
assert_eq "$out" ""
run_fail 9 '' msb attach box "$first" --replay all
assert_eq "$out" "$(printf 'first\nsecond')"
run_fail 1 'session .*has ended' msb signal box "$first"

# Killed by us; not found.
run_ok msb exec -d box -- sleep 1000
second=$out
run_ok msb signal box "$second" -s KILL
eventually 10 sh -c '"$0" sessions box | grep -q "^$1 .* exited .* 137 "' "$MSB" "$second"
run_fail 1 'session not found: 4711' msb attach box 4711
run_fail 1 'no such session' msb signal box 4711
run_fail 1 'invalid signal: NOSUCH' msb signal box "$second" -s NOSUCH
run_fail 1 'no detached session' msb attach box
run_fail 127 'not_found' msb exec -d box -- /no/such

# What runs for another client is listed, and can be signalled but not taken.
"$MSB" exec box -- sleep 1000 &
cli=$!
eventually 10 sh -c '"$0" sessions box | grep -q "attached .*sleep 1000"' "$MSB"
third=$(msb sessions box | awk '/attached/ {print $1}')
run_fail 1 'belongs to the client' msb attach box "$third" --steal
run_ok msb signal box "$third"
code=0
wait "$cli" || code=$?
assert_eq "$code" 143

# One that floods is kept in bounds, loses nothing of the log, and says what it lost of the replay.
run_ok msb exec -d box -- sh -c 'yes 0123456789abcde | head -c 3200000; exec sleep 1000'
flood=$out
eventually 30 sh -c '"$0" sessions box --format json | grep -A12 "\"id\": $1," | grep -q "\"lost_bytes\": 29....."' "$MSB" "$flood" # all is written: 3,200,000 - 256 Ki
eventually 30 sh -c 'test "$(cat "$0"/sandboxes/box/logs/exec.log* | grep -c "\"id\":$1,")" -gt 0' "$MSB_HOME" "$flood"
run_ok msb exec box -- echo alive
assert_eq "$out" alive
"$MSB" attach box "$flood" </dev/null >"$T/flood" 2>"$T/flood.err" &
cli=$!
eventually 10 sh -c 'test "$(wc -c <"$0")" -gt 100000' "$T/flood"
# Our end is not its end.
kill -TERM "$cli"
code=0
wait "$cli" || code=$?
assert_eq "$code" 143
assert_match "$(cat "$T/flood.err")" 'are not kept any more'
[ "$(wc -c <"$T/flood")" -le 300000 ] || fail_test "replayed $(wc -c <"$T/flood") bytes"
eventually 10 sh -c '"$0" sessions box | grep -q "^$1 .*detached"' "$MSB" "$flood"

# Nor is that of our output.
run_ok msb exec -d box -- sh -c 'while :; do echo tick; sleep 0.1; done'
ticking=$out
run_ok bash -c '"$0" attach --no-stdin box "$1" | head -n 1; exit "${PIPESTATUS[0]}"' "$MSB" "$ticking"
assert_eq "$out" tick
detached() { msb sessions box | grep -q "^$ticking .*detached"; }
eventually 10 detached
run_fail 1 'cannot write to stdout: No space' bash -c '"$0" attach --no-stdin box "$1" >/dev/full' "$MSB" "$ticking"
eventually 10 detached
run_fail 1 'cannot write to stdout: Bad file' bash -c '"$0" attach --no-stdin box "$1" >&-' "$MSB" "$ticking"
eventually 10 detached
run_fail 1 'cannot read stdin: Is a directory' msb attach box "$ticking" </etc
eventually 10 detached

# Ids are checked, and signals have all the names that a STOPSIGNAL has.
for id in 0 12345678901234567890123 1x ''; do
    run_fail 1 'invalid session id' msb attach box "$id"
done
run_fail 1 'invalid session id: 12345678901234567890123' msb signal box 12345678901234567890123
run_fail 1 'invalid session id: 0' msb signal box 0
run_ok msb exec -d box -- sh -c 'trap "exit 5" 37; touch /tmp/trapped; while :; do sleep 0.1; done'
trapped=$out
eventually 10 msb exec box -- test -e /tmp/trapped
run_ok msb signal box "$trapped" -s SIGRTMIN+3
run_fail 5 '' msb attach box "$trapped" --no-stdin

# The command of a detached run is such a session, and its end is the sandbox's end.
run_ok msb run -d -q -n job -- sh -c 'echo from job; until [ -e /tmp/go ]; do sleep 0.1; done; exit 3'
"$MSB" attach job </dev/null >"$T/job" &
cli=$!
eventually 10 grep -q 'from job' "$T/job"
run_ok msb exec job -- touch /tmp/go
code=0
wait "$cli" || code=$?
assert_eq "$code" 3
eventually 20 sh -c '"$0" ls --stopped -q | grep -qx job' "$MSB"
run_fail 1 'is not running' msb sessions job
run_fail 1 'is not running' msb exec -d job -- true
run_ok msb kill -q box
no_leftovers
