#!/usr/bin/env bash
# The agent forks: its parent becomes the init, the agent goes on as the init's child and reaps what
# commands leave behind.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

run_ok msb create -q -n box --init /sbin/init inited
run_ok msb exec box -- sh -c 'agent=$PPID; cat /proc/$agent/comm; grep PPid: /proc/$agent/status
    sleep 0.1 & sleep 0.1 & (sleep 0.1 &)'
assert_eq "$out" "msb-agent
PPid:	1"
# No zombies, of commands or of orphans. (Those above end after a tenth of a second.)
no_zombies() { msb exec box -- sh -c '! grep -q -e "^Name:.sleep" -e "State:.Z" /proc/[0-9]*/status'; }
eventually 10 no_zombies
# The init does not see descriptors of the agent, and commands are not spared when memory is short.
run_ok msb exec box -- sh -c 'ls /proc/1/fd | wc -l; cat /proc/self/oom_score_adj'
assert_match "$out" '^[0-4]$'
assert_match "$out" '^0$'
run_ok msb rm -q -f box
no_leftovers
