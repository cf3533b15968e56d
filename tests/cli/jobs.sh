#!/usr/bin/env bash
# Detached commands as jobs: listed, waited for with their exit code, their logs apart from others'.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_fail 1 'sandbox not found: box' msb jobs box
run_ok msb create -q -n box
run_ok msb jobs box
assert_contains "$err" 'No jobs are running'

# exits with CODE when /root/go-NAME is there; prints its NAME
job() { msb exec -d -q box -- sh -c "echo $1; until [ -e /root/go-$1 ]; do sleep 0.05; done; exit $2"; }
one=$(job one 7)
two=$(job two 0)
run_ok msb jobs box
assert_match "$out" "^$one +running +.*echo one"
assert_match "$out" "^$two +running +"
run_ok msb jobs box -q
assert_eq "$out" "$one"$'\n'"$two"
run_ok msb jobs box --format json
assert_eq "$(jq -c '[.[] | [.id, .state, .exit_code]]' <<<"$out")" "[[$one,\"detached\",null],[$two,\"detached\",null]]"

# Time is over: the job is not.
run_fail 1 "timed out waiting for job $one; the job was not terminated" msb wait box --job "$one" -t 200ms
run msb wait box --job "$one" -t 50ms --format json
assert_eq "$code" 1
assert_eq "$(jq -c . <<<"$out")" '{"code":null,"success":false,"timed_out":true}'
assert_eq "$(msb jobs box -q | head -1)" "$one" "the job that was waited for"

# The exit code of the job is ours, whether it ends while we wait or before.
msb wait box --job "$one" >"$T/waited" 2>&1 &
waiter=$!
run_ok msb exec -q box -- touch /root/go-one
waited=0
wait $waiter || waited=$?
assert_eq "$waited" 7 "$(cat "$T/waited")"
run msb wait box --job "$one"
assert_eq "$code" 7
run_ok msb jobs box -q
assert_eq "$out" "$two"
run_ok msb jobs box -a
assert_match "$out" "^$one +exited +.* 7 +sh"

# A signal to us ends the waiting only; one to the job ends that.
msb wait box --job "$two" >"$T/waited" 2>&1 &
waiter=$!
kill -TERM $waiter
waited=0
wait $waiter || waited=$?
assert_eq "$waited" 143 "$(cat "$T/waited")"
run_ok msb signal box --job "$two" -s KILL
run msb wait box --job "$two" --format json
assert_eq "$code" 137
assert_eq "$(jq -c . <<<"$out")" '{"code":137,"success":false,"timed_out":false}'

run_ok msb logs box --job "$one"
assert_eq "$out" one
run_ok msb logs box --job "$two" --source all
assert_eq "$out" two

# What is none.
run_fail 1 'session not found: 4711' msb wait box --job 4711
run_fail 1 'invalid session id: x' msb wait box --job x
run_fail 1 'invalid session id: x' msb logs box --job x
run_fail 1 'one sandbox' msb wait box box --job 1
run_fail 2 'a session is required' msb signal box
run_fail 2 'excludes' msb attach box 1 --job 1

# Jobs end with their sandbox; the next run counts from 1 again, and its logs are its own.
three=$(job three 0)
msb wait box --job "$three" >"$T/waited" 2>&1 &
waiter=$!
run_ok msb stop -q -t 1 box
waited=0
wait $waiter || waited=$?
assert_eq "$waited" 1 "$(cat "$T/waited")"
run_fail 1 'not running' msb jobs box
run_fail 1 'not running' msb wait box --job "$three"
run_ok msb start -q box
assert_eq "$(job four 0)" 1 "the first job of this run"
eventually 20 sh -c '"$0" logs box --job 1 | grep -qx four' "$MSB"
run_ok msb logs box --job 1
assert_eq "$out" four
run_ok msb rm -q -f box
no_leftovers
