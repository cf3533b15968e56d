#!/usr/bin/env bash
# With a terminal the command gets one: size, control keys, end of input; ours is restored.
. "$(dirname "$0")/../lib.sh"
need_kernel

got=$(on_terminal "$MSB run -q -- sh -c 'tty && stty size'; echo code=\$?; stty -a | grep -c ' echo '")
assert_contains "$got" /dev/pts/
assert_contains "$got" "33 77"
assert_contains "$got" code=0
assert_match "$got" '^1$' "echo is on again"

# ^C reaches the command through its own terminal.
got=$(on_terminal "$MSB run -q -- sh -c 'echo up; sleep 60'" up '\003')
assert_contains "$got" code=130

# --stream is not for terminals.
run_ok msb create -q -n box
got=$(on_terminal "$MSB exec --stream box -- true")
assert_contains "$got" "stdin that is not a terminal"
assert_contains "$got" code=1
run_ok msb exec --stream box -- echo piped </dev/null
assert_eq "$out" piped
run_ok msb rm -q -f box

# -t gives the guest a terminal even if we have none; --no-tty never.
run_ok msb run -q -t -- sh -c 'test -t 1 && echo yes'
assert_contains "$out" yes
got=$(on_terminal "$MSB run -q --no-tty -- sh -c 'test -t 1 || echo none'")
assert_contains "$got" none
no_leftovers
