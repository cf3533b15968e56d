#!/usr/bin/env bash
# The detach keys leave a command running in its terminal; attach comes back to it.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
got=$(on_terminal "$MSB exec box -- sh" '# ' 'echo be""fore\n' before '\035')
assert_contains "$got" before
assert_contains "$got" "detached; session 1 goes on: msb attach box 1"
assert_contains "$got" code=0
run_ok msb sessions box
assert_match "$out" '^1 .* yes +detached'
got=$(on_terminal "$MSB attach box" '' 'echo af""ter\n' after 'exit 5\n')
assert_contains "$got" after
assert_not_contains "$got" before
assert_contains "$got" code=5

# Another sequence; its beginning alone is just typed.
got=$(on_terminal "$MSB exec --detach-keys ctrl-p,ctrl-q box -- sh" '# ' 'echo c""at; cat -v\n' cat 'a\020b\n' 'a^Pb' '\020\021')
assert_contains "$got" "detached; session 2"
run_fail 1 "invalid detach key 'ctrl-1'" msb exec --detach-keys ctrl-1 box -- true
run_ok msb signal box 2 -s KILL
run_ok msb kill -q box

# A run that is left goes on, and its sandbox lives as long as it does.
got=$(on_terminal "$MSB run -q -n left -- sh" '# ' 'echo in""side\n' inside '\035')
assert_contains "$got" "detached; session 1 goes on: msb attach left 1"
run_ok msb ls --running -q
assert_eq "$out" left
got=$(on_terminal "$MSB attach left" '' 'exit 6\n')
assert_contains "$got" code=6
eventually 20 sh -c '"$0" ls --stopped -q | grep -qx left' "$MSB"
got=$(on_terminal "$MSB run -q -- sh" '# ' '\035')
name=$(printf '%s\n' "$got" | sed -n 's/.*msb attach \(msb-[0-9a-f]*\) 1.*/\1/p')
run_ok msb signal "$name" 1 -s KILL
eventually 20 sh -c '! "$0" ls -q | grep -qx "$1"' "$MSB" "$name"
no_leftovers
