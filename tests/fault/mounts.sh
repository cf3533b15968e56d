#!/usr/bin/env bash
# The process that serves the host's directories, and the others, killed at any moment.
# ctest: timeout=200
. "$(dirname "$0")/../lib.sh"
need_kernel
mkdir "$T/dir"
echo content >"$T/dir/file"

# fsd dies: the guest cannot be made to give up what it waits for, so the sandbox ends, soon and with a reason.
run_ok msb create -q -n box -v "$T/dir:/x" -v "$T/dir/file:/one"
run_ok msb exec -d box -- sh -c 'while cat /x/file /one >/dev/null; do :; done'
helper "$MSB" exec box -- sh -c 'while cat /x/file >/dev/null; do echo read; done; sleep 1000' >"$T/exec" 2>&1
eventually 10 grep -q read "$T/exec"
begin=$EPOCHREALTIME
kill -KILL "$(host_pids_of fsd)"
run_ok msb wait box
wait "$helper_pid" || :
assert_prompt "$begin" "ending it"
assert_match "$(cat "$MSB_HOME/sandboxes/box/logs/runtime.log")" 'serves the mounts has ended'
run_ok msb inspect box
assert_match "$out" 'serves the mounts has ended'
run_ok msb start -q box
run_ok msb exec box -- cat /x/file /one

# fsd stands still: the same, when it has not answered for ten seconds; what the guest waits for ends, too.
helper "$MSB" exec box -- sh -c 'while cat /x/file >/dev/null; do echo read; done; sleep 1000' >"$T/exec" 2>&1
eventually 10 grep -q read "$T/exec"
kill -STOP "$(host_pids_of fsd)"
run_ok limited 60 msb wait box
wait "$helper_pid" || :
run_ok msb inspect box
assert_match "$out" 'serves the mounts does not answer'
run_ok msb start -q box
assert_eq "$(host_pids_of fsd | wc -w)" 1
run_ok msb exec box -- cat /x/file /one
# For a moment only, it goes on.
fsd=$(host_pids_of fsd)
kill -STOP "$fsd"
helper "$MSB" exec box -- cat /x/file >"$T/exec"
run_ok msb exec box -- true
kill -CONT "$fsd"
wait "$helper_pid"
assert_eq "$(cat "$T/exec")" content

# The runtime dies: fsd goes with it.
kill -KILL "$(host_pids_of runtime)"
gone() { [ -z "$(host_pids_of fsd)" ]; }
eventually 5 gone
run_ok msb start -q box
run_ok msb exec box -- cat /x/file
run_ok msb kill -q box
eventually 5 gone

# The launching command dies, at some moment of a start.
for delay in 0.01 0.02 0.05 0.1 0.2; do
    run timeout -s KILL $delay "$MSB" start -q box
    run_ok msb stop -q box
    eventually 5 gone
done
run timeout -s KILL 0.5 "$MSB" run -q -v "$T/dir:/x" -- sleep 1000
eventually 10 gone
run_ok msb ls # which finds what the killed command left
run_ok msb rm -q -f box
no_leftovers
