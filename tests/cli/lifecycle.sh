#!/usr/bin/env bash
# create, ls, ps, inspect, exec, ping, stop, start, restart, kill, rm and their messages.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb ls
assert_eq "$err" "No sandboxes found."
run_ok msb ps
assert_eq "$err" "No running sandboxes."

run_ok msb create -n web --label team=a -m 256M
assert_eq "$out" "" "stdout of a named create"
assert_contains "$err" "Created"
run_ok msb create -q
generated=$out
assert_match "$generated" '^msb-[0-9a-f]{8}$'
run_fail 1 'already exists' msb create -n web

run_ok msb ls
assert_match "$out" '^NAME +IMAGE +STATUS +CREATED$'
assert_match "$out" '^web +.*microsandbox/default:latest +running +[0-9]{4}-'
run_ok msb ps --format json web
assert_contains "$out" '"memory_mib": 256'
assert_contains "$out" '"status": "Running"'
assert_contains "$out" '"isolation": '
run_ok msb inspect web --format json
assert_contains "$out" '"team": "a"'
run_ok msb inspect web
assert_match "$out" '^Status: +Running$'
run_ok msb ping web
assert_match "$err" 'Reachable +web \([0-9]+(us|ms)\)'

run_ok msb exec web -- sh -c 'echo $0 in; exit 0'
assert_eq "$out" "sh in"
run_fail 3 '' msb exec web -- sh -c 'exit 3'
run_fail 127 'failed to exec' msb exec web -- nothing-here
assert_eq "$(echo data | msb exec web -- cat)" data "stdin of exec"
run_ok msb exec web -e X=1 -w /tmp -u 5 -- sh -c 'echo $X $(pwd) $(id -u)'
assert_eq "$out" "1 /tmp 5"

run_fail 1 'already running' msb start web
run_fail 1 'still running' msb rm web
run_ok msb stop web
run_ok msb stop web # stopping what is stopped succeeds
run_fail 1 'not running' msb ping web
run_ok msb ps -q
assert_eq "$out" "$generated"
run_ok msb ps -a -q
assert_contains "$out" web
run_ok msb start web
run_ok msb restart web
run_ok msb exec web -- true
run_ok msb kill web
run_ok msb ls --format json
assert_contains "$out" '"status": "Stopped"'

# A stopped sandbox is started for an exec and stopped again.
run_ok msb exec web -- echo temporary
assert_eq "$out" temporary
run_ok msb ls --running -q
assert_eq "$out" "$generated"

# Selection by label; one failure fails the command and not the others.
run_ok msb start --label team=a
run_fail 1 'sandbox not found: missing' msb stop missing web
run_ok msb ls --stopped -q
assert_eq "$out" web
run_ok msb stop --label team=nobody
assert_contains "$err" "no sandboxes matched"

run_ok msb rm -f web "$generated" web
run_ok msb ls --format json
assert_eq "$out" "[]"
no_leftovers
assert_eq "$(ls "$MSB_HOME/sandboxes" "$MSB_HOME/run/sandboxes")" "$MSB_HOME/run/sandboxes:

$MSB_HOME/sandboxes:" "files"
