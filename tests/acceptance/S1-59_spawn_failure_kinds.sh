#!/usr/bin/env bash
# Every kind of spawn failure is really produced and told apart. (Those of execve that nothing in a guest can bring
# about on purpose: src/agent/exec/plan_test.cpp, which has them all.)
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb exec box -- sh -c 'printf "just text\n" >/bin/text; printf "#!/no/interpreter\n" >/bin/script
    chmod 755 /bin/text /bin/script; cp /bin/busybox /bin/busy; ln -s loop /bin/loop
    mkdir -m 700 /root/private'

# fails KIND ERRNO [exec options...] -- COMMAND...
fails() {
    local kind=$1 errno=$2
    shift 2
    run_fail any "→ $kind: .*$errno" msb exec box "$@"
}
fails not_found ENOENT -- /no/such/program
fails not_found ENOENT -- no-such-program
fails not_found ENOTDIR -- /etc/passwd/program
fails permission_denied EACCES -- /etc/passwd
fails not_executable ENOEXEC -- text
fails not_executable EISDIR -- /etc
fails not_executable ENOENT -- script
fails bad_cwd ENOENT -w /no/such -- true
fails bad_cwd ENOTDIR -w /etc/passwd -- true
fails bad_cwd EACCES -u 1234 -w /root/private -- true
fails bad_cwd ENOENT -t -w /no/such -- true
fails user_setup_failed "user not found: nobody-here" -u nobody-here -- true
fails user_setup_failed "group not found" -u 0:nogroup-here -- true
fails user_setup_failed "user not found: nobody-here" -t -u nobody-here -- true
fails bad_args ENAMETOOLONG -- "/$(printf 'x%.0s' {1..300})"
word=$(printf 'x%.0s' {1..60000})
fails bad_args E2BIG --rlimit stack=262144 -- true "$word" "$word" "$word" "$word"
fails bad_args ELOOP -- /bin/loop
fails resource_limit EPERM --rlimit nofile=99999999999 -- true
run_ok msb exec -d -u 1234 box -- sleep 1000
fails resource_limit EAGAIN --rlimit nproc=0 -u 1234 -- true

# A program that is being written cannot be run.
run_ok msb exec -d box -- sh -c 'exec 3>>/bin/busy; echo open >/tmp/open; sleep 60'
eventually 10 msb exec box -- test -e /tmp/open
fails not_executable ETXTBSY -- busy true

# No terminal is left; then no memory for another program.
run_ok msb exec box -- sh -c 'echo 0 >/proc/sys/kernel/pty/max'
fails pty_setup_failed ENOSPC -t -- true
run_ok msb exec box -- true
run_ok msb exec box -- sh -c 'echo 0 >/proc/sys/vm/overcommit_ratio; echo 2 >/proc/sys/vm/overcommit_memory'
fails out_of_memory ENOMEM -- true
run_ok msb kill -q box
no_leftovers
