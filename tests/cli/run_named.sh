#!/usr/bin/env bash
# A named sandbox keeps its disk between runs, is used as it is, and can be replaced.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb run -q -n keep -- sh -c 'echo saved > /root/file; mkdir /data; chmod 700 /data'
run_ok msb ls --format json
assert_contains "$out" '"status": "Stopped"'
run_ok msb run -q -n keep -e IGNORED=1 -- sh -c 'cat /root/file; stat -c %a /data; echo "[$IGNORED]"'
assert_eq "$out" $'saved\n700\n[]' "contents of the kept disk"
assert_contains "$err" "creation options are ignored: --env"
run_ok msb run -q -n keep -- true
assert_eq "$err" "" "warnings of a plain second run"

run_ok msb run -q -n keep --replace -- ls /root
assert_eq "$out" "" "replaced disk"

# While it runs, another run joins it and does not stop it.
"$MSB" run -q -n keep -- sleep 60 &
cli=$!
eventually 15 sh -c '"$0" ps -q | grep -qx keep' "$MSB"
# The guest serves before the first run has asked it for its command.
eventually 15 "$MSB" run -q -n keep -- sh -c 'ps | grep -q "sleep [6]0"'
kill -INT "$cli"
code=0
wait "$cli" || code=$?
assert_eq "$code" 130 "exit code after SIGINT"
run_ok msb ls --stopped -q
assert_eq "$out" keep
run_ok msb rm -q keep
run_fail 1 'sandbox not found: keep' msb inspect keep
no_leftovers
