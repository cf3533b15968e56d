#!/usr/bin/env bash
# A reader that is behind when the sandbox ends gets everything its command wrote, and its exit code; one that does not
# read at all delays nobody.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

# More than what is buffered on the way, read slowly.
cat >"$T/slow.py" <<'PY'
import os, time
size = 0
while data := os.read(0, 32768):
    size += len(data)
    time.sleep(0.02)
print(size)
PY

for how in drain stop; do
    run_ok msb create -q -n box
    {
        code=0
        "$MSB" exec box -- sh -c 'head -c 3000000 /dev/zero; touch /written; exit 7' || code=$?
        echo $code >"$T/code"
    } | python3 "$T/slow.py" >"$T/size" &
    reader=$!
    eventually 10 msb exec box -- test -e /written
    run_ok msb $how -q box
    wait $reader
    assert_eq "$(cat "$T/size")" 3000000 "bytes read beside $how"
    assert_eq "$(cat "$T/code")" 7 "exit code beside $how"
    assert_contains "$(msb logs --tail 1 --source system box)" "sandbox stopped"
    run_ok msb rm -q box
done

# Nobody reads: the grace is not waited for.
run_ok msb create -q -n box
mkfifo "$T/pipe"
sh -c 'exec sleep 60' <"$T/pipe" &
stuck=$!
"$MSB" exec box -- sh -c 'head -c 3000000 /dev/zero; touch /written' >"$T/pipe" &
cli=$!
eventually 10 msb exec box -- test -e /written
begin=$SECONDS
run_ok msb stop -q -t 30 box
[ $((SECONDS - begin)) -lt 15 ] || fail_test "a reader that does not read cost $((SECONDS - begin)) s"
kill $stuck
wait $cli || :
run_ok msb rm -q -f box
no_leftovers
