#!/usr/bin/env bash
# A reader that is behind when the sandbox ends gets everything its command wrote, and its exit code; one that does not
# read at all delays nobody.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

# More than what is buffered on the way, read at so many bytes a second.
cat >"$T/slow.py" <<'PY'
import os, sys, time
size = 0
begin = time.monotonic()
while data := os.read(0, 32768):
    size += len(data)
    time.sleep(max(0, begin + size / int(sys.argv[1]) - time.monotonic()))
print(size)
PY

for case in '1500000 drain' '1500000 stop' '150000 stop -t 60'; do
    speed=${case%% *} how=${case#* }
    run_ok msb create -q -n box
    {
        code=0
        "$MSB" exec box -- sh -c 'head -c 3000000 /dev/zero; touch /written; exit 7' || code=$?
        echo $code >"$T/code"
    } | python3 "$T/slow.py" "$speed" >"$T/size" &
    reader=$!
    eventually 30 msb exec box -- test -e /written
    # shellcheck disable=SC2086
    run_ok msb $how -q box
    wait $reader
    assert_eq "$(cat "$T/size")" 3000000 "bytes read beside $how"
    assert_eq "$(cat "$T/code")" 7 "exit code beside $how"
    assert_contains "$(msb logs --tail 1 --source system box)" "sandbox stopped"
    run_ok msb rm -q box
done

# Nobody reads: the grace is not waited for. How much is buffered on the way is nobody's business, so the command may be
# stuck in the middle.
run_ok msb create -q -n box
mkfifo "$T/pipe"
sh -c 'exec sleep 60' <"$T/pipe" &
stuck=$!
"$MSB" exec box -- sh -c 'touch /written; head -c 3000000 /dev/zero' >"$T/pipe" &
cli=$!
eventually 30 msb exec box -- test -e /written
begin=$SECONDS
run_ok msb stop -q -t 30 box
[ $((SECONDS - begin)) -lt 15 ] || fail_test "a reader that does not read cost $((SECONDS - begin)) s"
kill $stuck
wait $cli || :
run_ok msb rm -q -f box
no_leftovers
