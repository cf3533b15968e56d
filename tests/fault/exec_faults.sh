#!/usr/bin/env bash
# Clients, commands and their children that die or run wild in the middle of things.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box -m 256M
alive() {
    run_ok msb exec box -- echo alive
    assert_eq "$out" alive
}
no_sessions() { [ -z "$(msb sessions box -q)" ]; }

# kill -9 of a client in the middle of its streams takes its command along.
for _ in 1 2 3; do
    (yes | "$MSB" exec box -- sh -c 'cat; sleep 1000' >/dev/null) 2>/dev/null &
    cli=$!
    eventually 10 sh -c '"$0" sessions box | grep -q attached' "$MSB"
    child=$(test_processes | awk '$2 == "msb" {print $1}' | head -n 1)
    kill -9 "$child"
    wait "$cli" 2>/dev/null || :
    eventually 10 no_sessions
done
alive

# The leader of a session is killed from inside; its children keep the streams open.
run_fail 137 '' msb exec box -- sh -c 'sleep 1000 & kill -9 $$'
run msb exec box -- sh -c 'setsid sleep 1000 & echo started'
assert_eq "$out" started "a daemon that keeps stdout does not keep the command"
assert_eq "$code" 0
run_ok msb exec box -- sh -c 'for p in /proc/[0-9]*/comm; do read -r n <"$p" && [ "$n" = sleep ] && kill -9 "$(basename "$(dirname "$p")")"; done; true'

# Output without end, children without end, orphans without end.
run msb exec --timeout 2s box -- yes
assert_match "$err" 'exec timed out'
msb exec box -- sh -c 'i=0; while [ $i -lt 300 ]; do (sleep 0.01 &) ; i=$((i+1)); done'
alive

# No process can be made for a while (a fifo is waited for, because sleep would be a process): a
# typed failure, and all is well afterwards.
run_ok msb exec -d box -- sh -c 'mkfifo /tmp/fifo; exec 3<>/tmp/fifo; old=$(cat /proc/sys/kernel/threads-max)
    echo 20 >/proc/sys/kernel/threads-max; read -r -t 4 x <&3; echo "$old" >/proc/sys/kernel/threads-max'
full() {
    run msb exec box -- true
    [ "$code" -eq 1 ] && [[ $err == *"resource_limit: "*"(EAGAIN)"* ]]
}
eventually 4 full
run_ok msb ping -q box
eventually 20 "$MSB" exec box -- true
run_ok msb exec -d -u 1000 box -- sleep 1000
run_fail 1 'resource_limit: .*EAGAIN' msb exec -u 1000 --rlimit nproc=0 box -- true

# Out of memory: commands that take it die, nobody else.
# shellcheck disable=SC2016
run msb exec box -- sh -c 'for i in 1 2 3 4 5 6; do tail -c 60000000 /dev/zero & p="$p $!"; done
    while :; do
        sleep 0.2
        for q in $p; do
            kill -0 "$q" 2>/dev/null && continue
            wait "$q"; code=$?
            kill -9 $p 2>/dev/null
            exit "$code"
        done
    done'
assert_eq "$code" 137 "how a command ended that ate the memory"
alive
run_ok msb kill -q box
no_leftovers
