#!/usr/bin/env bash
# Copies that are interrupted, killed, or run into a full or read-only disk leave no half of anything.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
guest() { "$MSB" exec box -- sh -c "$1"; }
temporary_in_guest() { guest "ls -a $1 | grep -c '^\.msb-copy-' || true"; }

mkdir "$T/big" "$T/out"
for i in $(seq 200); do echo "$i" >"$T/big/small$i"; done
head -c 200M /dev/zero | tr '\0' x >"$T/big/large"

# A full disk is an error with its name, and what was written goes again.
guest 'mkdir /full && mount -t tmpfs -o size=20m none /full'
run_fail 1 "No space left on device" msb cp "$T/big" box:/full
assert_eq "$(guest 'ls -a /full | wc -l')" 2 "entries of the full disk"
guest 'mount -o remount,ro /full'
run_fail 1 "Read-only file system" msb cp "$T/big/small1" box:/full

# Ctrl-C.
"$MSB" cp "$T/big" box:/tmp/interrupted 2>/dev/null &
copy=$!
eventually 20 sh -c '"$0" exec box -- sh -c "ls -a /tmp" | grep -q msb-copy' "$MSB"
kill -INT $copy
code=0
wait $copy || code=$?
assert_eq $code 130 "exit code of an interrupted copy"
assert_eq "$(temporary_in_guest /tmp)" 0
guest '[ ! -e /tmp/interrupted ]'

# kill -9 of the client: the agent tidies up.
"$MSB" cp "$T/big" box:/tmp/killed 2>/dev/null &
copy=$!
eventually 20 sh -c '"$0" exec box -- sh -c "ls -a /tmp" | grep -q msb-copy' "$MSB"
kill -KILL $copy
wait $copy || :
eventually 10 sh -c '! "$0" exec box -- sh -c "ls -a /tmp" | grep -q msb-copy' "$MSB"
guest '[ ! -e /tmp/killed ]'

# kill -9 of a copy out of the sandbox: the next one into the same directory tidies up.
run_ok msb cp -q "$T/big" box:/tmp/big
"$MSB" cp box:/tmp/big "$T/out/first" 2>/dev/null &
copy=$!
eventually 20 sh -c 'ls -a "$0" | grep -q msb-copy' "$T/out"
kill -KILL $copy
wait $copy || :
assert_no_path "$T/out/first"
# Not before the killed one's unpacker is gone, too, which takes a moment.
tidied() { msb cp -q box:/tmp/big/small1 "$T/out/second" && [ "$(ls -A "$T/out")" = second ]; }
eventually 10 tidied

# The sandbox dies under the copy.
"$MSB" cp box:/tmp/big "$T/out/third" 2>"$T/err" &
copy=$!
eventually 20 sh -c 'ls -a "$0" | grep -q msb-copy' "$T/out"
run_ok msb kill -q box
code=0
wait $copy || code=$?
assert_eq $code 1 "exit code of a copy from a killed sandbox"
assert_eq "$(ls -A "$T/out")" second
run_ok msb rm -q -f box
no_leftovers
