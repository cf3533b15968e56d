#!/usr/bin/env bash
# --follow shows new lines as they come, every one once also across rotations, and ends when the
# sandbox stops, crashes or is removed.
. "$(dirname "$0")/../lib.sh"
# ctest: timeout=240
need_kernel

run_ok msb create -q -n box
run_ok msb exec box -- echo before
"$MSB" logs -f box >"$T/follow" &
follower=$!
"$MSB" logs -f --json --source all box >"$T/json" &
json_follower=$!
eventually 10 grep -q before "$T/follow"
# 25 MB of log: rotation happens twice.
limited 120 msb exec box -- seq 1 2500000 |
    md5sum >"$T/written"
run_ok msb stop -q box
limited 30 tail --pid=$follower -f /dev/null
wait $follower
wait $json_follower
assert_eq "$(sed 1d "$T/follow" | md5sum)" "$(cat "$T/written")" "what the follower saw"
assert_contains "$(tail -n 1 "$T/json")" "--- sandbox stopped ---"

# A stopped sandbox: what there is, at once.
run_ok msb logs -f --tail 1 box
assert_eq "$out" "$(tail -n 1 "$T/follow")"

# The runtime is killed; the sandbox is removed.
for end in crash remove; do
    run_ok msb start -q box
    "$MSB" logs -f --tail 1 --source all box >"$T/$end" &
    follower=$!
    eventually 10 grep -q "sandbox started" "$T/$end"
    run_ok msb exec box -- echo "then $end"
    eventually 10 grep -q "then $end" "$T/$end"
    if [ $end = crash ]; then
        kill -9 "$(test_processes | awk '$2 == "runtime" { print $1; exit }')"
    else
        run_ok msb rm -q -f box
    fi
    code=0
    wait $follower || code=$?
    assert_eq "$code" 0 "exit code of the follower after $end"
done
assert_contains "$(cat "$T/crash")" "--- sandbox stopped ---"

# A reader that has seen enough ends it.
run_ok msb create -q -n box
run_ok msb exec box -- seq 1 5
assert_eq "$(limited 20 msb logs -f box | head -n 2 | tr '\n' ' ')" "1 2 "
run_ok msb rm -q -f box
no_leftovers
