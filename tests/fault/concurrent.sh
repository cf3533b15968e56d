#!/usr/bin/env bash
# ctest: timeout=300
# ctest: heavy
# Many at once: 20 runs all answer; of two creates of one name exactly one wins.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb run -q -- true
for i in $(seq 20); do
    "$MSB" run -q -m 128M -- sh -c "echo answer $i" >"$T/out.$i" 2>"$T/err.$i" &
    pids[i]=$!
done
for i in $(seq 20); do
    wait "${pids[i]}" || fail_test "run $i failed: $(cat "$T/err.$i")"
    assert_eq "$(cat "$T/out.$i")" "answer $i" "output of run $i"
done
no_leftovers

for round in 1 2 3; do
    wins=0
    "$MSB" create -q -n same >"$T/a" 2>&1 &
    a=$!
    "$MSB" create -q -n same >"$T/b" 2>&1 &
    b=$!
    if wait $a; then wins=$((wins + 1)); fi
    if wait $b; then wins=$((wins + 1)); fi
    assert_eq $wins 1 "creates of one name that succeeded in round $round: $(cat "$T/a" "$T/b")"
    grep -qh 'already exists' "$T/a" "$T/b" || fail_test "the loser was not told why"
    run_ok msb rm -q -f same
done

# 20 sandboxes at once, all answering.
for i in $(seq 20); do "$MSB" create -q -m 64M -n "box$i" & done
wait
run_ok msb ps -q
assert_eq "$(echo "$out" | wc -l)" 20 "running sandboxes"
for i in 1 10 20; do
    run_ok msb exec "box$i" -- echo "here $i"
    assert_eq "$out" "here $i"
done
run_ok msb rm -q -f $(seq -f 'box%g' 20)
no_leftovers
