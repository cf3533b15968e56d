#!/usr/bin/env bash
# ctest: timeout=300
# A secret's value is in tlsd's memory, and nowhere else that a guest or another process could show it: not in the memory of the
# runtime, where the guest's is, nor of netd, not in any file of MSB_HOME, whatever command ran and whatever crashed.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
# shellcheck source=../tls.sh
. "$TESTS_DIR/tls.sh"
need_kernel
# shellcheck disable=SC2016
# (placeholders)
secrets_world
leaks() { grep -rlaF -e "$value" -e "$(printf %s "$value" | base64 -w0 | sed 's/=*$//')" "$MSB_HOME" /dev/shm 2>/dev/null || :; }
# in_memory PROGRAM: what is found in the memory of the sandbox's process; the placeholder shows that it was read.
in_memory() {
    for pid in $(host_pids_of "$1"); do
        python3 "$TESTS_DIR/find_in_memory.py" "$pid" "$value" '$MSB_API_KEY'
    done
}
# The value goes to the server in each way there is, and the server sends it back.
for option in '-HX: $MSB_API_KEY' '-uuser:$MSB_API_KEY'; do
    guest "$option" https://www.test.example/echo
    assert_not_contains "$out" "$value"
    assert_contains "$out" 'MSB_API_KEY'
done
host_ok exec box -- sh -c 'curl -sS -H "X: $API_KEY" -o /kept https://www.test.example/echo; env >/environment; cat /kept'
refused -H 'X: $MSB_API_KEY' https://pinned.test.example/

assert_contains "$(in_memory tlsd)" "$value"
for program in runtime netd; do
    assert_not_contains "$(in_memory $program)" "$value" "the memory of $program"
done
# shellcheck disable=SC2016
# (a placeholder)
assert_contains "$(in_memory runtime)" '$MSB_API_KEY' "the guest's memory was not read"
for place in environ cmdline; do
    for pid in $(host_pids_of runtime netd tlsd); do
        grep -aqF -- "$value" "/proc/$pid/$place" && fail_test "$place of process $pid has it"
    done
done

# Whatever a command shows or keeps.
for command in 'ps box' 'ps -a' 'inspect box' 'inspect box --format json' 'logs box' 'logs box --source all' 'net log box' \
    'net log box --format json' 'net learn box' 'cp box:/kept '"$T/kept" 'cp box:/environment '"$T/environment" 'df'; do
    # shellcheck disable=SC2086
    # (words)
    host_run 60 $command
    assert_not_contains "$out$err" "$value" "msb $command"
done
assert_not_contains "$(cat "$T/kept" "$T/environment")" "$value"
assert_eq "$(leaks)" ""

# Whatever crashes, and a snapshot of what is left.
for program in netd tlsd runtime; do
    host_run 60 start box
    for pid in $(host_pids_of $program); do
        kill -SEGV "$pid" 2>/dev/null || :
    done
    host_run 20 exec box -- curl -sS --max-time 5 -H 'X: $MSB_API_KEY' https://www.test.example/
    assert_not_contains "$out$err" "$value"
    assert_eq "$(leaks)" "" "after a crash of $program"
    host_run 60 stop box
done
host_ok snapshot create -q kept --from box
assert_eq "$(leaks)" "" "in a snapshot"
host_ok rm -f box
