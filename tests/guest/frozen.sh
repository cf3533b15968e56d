#!/usr/bin/env bash
# A guest that stands still does not keep a client that is told to end: one with a command there waits some seconds for
# a sign of life, one that only asks something ends at once. A guest that lives gets every signal.
. "$(dirname "$0")/../lib.sh"
need_kernel

# ends PID CODE WHAT
ends() {
    local code=0
    wait "$1" || code=$?
    assert_eq "$code" "$2" "exit code of $3"
}

run_ok msb create -q -n box
"$MSB" exec box -- sh -c 'n=0; trap "n=\$((n + 1)); echo term \$n" TERM; echo up; until [ $n = 3 ]; do sleep 0.1; done; exit 7' >"$T/out" &
patient=$!
eventually 20 grep -q up "$T/out"
for n in 1 2 3; do
    kill -TERM "$patient"
    eventually 20 grep -q "term $n" "$T/out"
done
ends "$patient" 7 "a command that was signalled three times"

"$MSB" exec box -- sh -c 'trap "" TERM; echo up; exec sleep 1000' >"$T/out" 2>"$T/err" &
running=$!
eventually 20 grep -q up "$T/out"
engine=$(host_pids_of linux)
[ -n "$engine" ] || engine=$(host_pids_of linux.uml)
[ -n "$engine" ] || skip "the engine's processes cannot be told"
for pid in $engine; do kill -STOP "$pid"; done
# Those who only wait for an answer end at once.
questions=("ping box" "touch box" "sessions box" "signal box 1" "attach box 1" "exec -d box -- true")
for question in "${questions[@]}"; do
    for number in 2 15; do
        # shellcheck disable=SC2086
        "$MSB" $question 2>"$T/err.asked" &
        asked=$!
        sleep 0.5
        kill -$number $asked
        begin=${EPOCHREALTIME/./}
        ends $asked $((128 + number)) "msb $question after signal $number"
        took=$(((${EPOCHREALTIME/./} - begin) / 1000))
        [ "$took" -lt 2000 ] || fail_test "msb $question took $took ms to end"
    done
done
signals=(TERM INT HUP)
codes=(143 130 129)
waiting=()
for i in 0 1 2; do
    "$MSB" exec box -- true 2>"$T/err.$i" &
    waiting+=($!)
done
for i in 0 1 2; do eventually 10 has_socket "${waiting[i]}"; done
kill -TERM "$running"
for i in 0 1 2; do kill -"${signals[i]}" "${waiting[i]}"; done
for i in 0 1 2; do ends "${waiting[i]}" "${codes[i]}" "one that had not started, after SIG${signals[i]}"; done
ends "$running" 143 "one that ran, and was told to end once"
assert_contains "$(cat "$T/err")" "does not answer"
for pid in $engine; do kill -CONT "$pid"; done
run_ok msb exec box -- echo back
assert_eq "$out" back
run_ok msb rm -q -f box
no_leftovers
