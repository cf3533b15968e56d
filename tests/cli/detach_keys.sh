#!/usr/bin/env bash
# The detach keys leave a command running in its terminal; attach comes back to it.
. "$(dirname "$0")/../lib.sh"
need_kernel
need script

# in_terminal COMMANDLINE: runs it on a new terminal, typing what comes on stdin.
in_terminal() { limited 60 script -qec "$1; echo code=\$?" /dev/null | tr -d '\r'; }
# typed WAIT KEYS...: types each after a while.
typed() { for keys; do sleep 1.5; printf '%b' "$keys"; done; sleep 1; }

run_ok msb create -q -n box
got=$(typed 'echo be""fore\n' '\035' | in_terminal "$MSB exec box -- sh")
assert_contains "$got" before
assert_contains "$got" "detached; session 1 goes on: msb attach box 1"
assert_contains "$got" code=0
run_ok msb sessions box
assert_match "$out" '^1 .* yes +detached'
got=$(typed 'echo af""ter\n' 'exit 5\n' | in_terminal "$MSB attach box")
assert_contains "$got" after
assert_not_contains "$got" before
assert_contains "$got" code=5

# Another sequence; its beginning alone is just typed.
got=$(typed 'cat\n' 'a\020b\n' '\020\021' | in_terminal "$MSB exec --detach-keys ctrl-p,ctrl-q box -- sh")
assert_contains "$got" "detached; session 2"
run_fail 1 "invalid detach key 'ctrl-1'" msb exec --detach-keys ctrl-1 box -- true
run_ok msb signal box 2 -s KILL
run_ok msb kill -q box

# A run that is left goes on, and its sandbox lives as long as it does.
got=$(typed 'echo in""side\n' '\035' | in_terminal "$MSB run -q -n left -- sh")
assert_contains "$got" "detached; session 1 goes on: msb attach left 1"
run_ok msb ls --running -q
assert_eq "$out" left
got=$(typed 'exit 6\n' | in_terminal "$MSB attach left")
assert_contains "$got" code=6
eventually 20 sh -c '"$0" ls --stopped -q | grep -qx left' "$MSB"
got=$(typed '\035' | in_terminal "$MSB run -q -- sh")
name=$(printf '%s\n' "$got" | sed -n 's/.*msb attach \(msb-[0-9a-f]*\) 1.*/\1/p')
run_ok msb signal "$name" 1 -s KILL
eventually 20 sh -c '! "$0" ls -q | grep -qx "$1"' "$MSB" "$name"
no_leftovers
