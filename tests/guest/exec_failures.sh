#!/usr/bin/env bash
# Whatever keeps a command from starting is told apart and named.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_fail 127 'failed to exec "/no/such"' msb exec box -- /no/such
run_fail 126 'failed to exec "/etc/passwd"' msb exec box -- /etc/passwd
run_fail 126 'failed to exec "/etc"' msb exec box -- /etc
run_ok msb exec box -- sh -c 'printf "#!/no/interpreter\n" >/bin/script; printf "just text\n" >/bin/text; chmod 755 /bin/script /bin/text'
run_fail 126 'interpreter' msb exec box -- script
run_fail 126 'failed to exec "text"' msb exec box -- text
run_fail any '/no/directory' msb exec box -w /no/directory -- true
run_fail any '/etc/passwd' msb exec box -w /etc/passwd -- true
run_fail any 'guest user not found: nobody-here' msb exec box -u nobody-here -- true
run_fail any 'guest group not found' msb exec box -u 0:nogroup-here -- true
run_fail any '/no/directory' msb exec box -t -w /no/directory -- true
run_ok msb exec box -- echo still here
assert_eq "$out" "still here"
run_ok msb kill -q box
no_leftovers
