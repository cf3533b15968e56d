#!/usr/bin/env bash
# What the patches of the tuned kernel are for (guest/kernel/patches): sandboxes of browsers, debuggers, accounting of
# time, and places that are not the same in every process.
. "$(dirname "$0")/../lib.sh"
need_kernel uml-tuned

run_ok msb create -q -n box --kernel uml-tuned
run_ok msb cp -q "$MSB_BUILD/tools/kernel_probe" box:/bin/kernel_probe
for what in trap xstate watch time split fault; do
    run_ok msb exec box -- kernel_probe $what
done
run_ok msb exec box -- sh -c 'for i in 1 2 3; do kernel_probe place; done'
# Time in which the host's CPU does something else is not the program's.
engine=$(host_pids_of linux uml-userspace)
mkfifo "$T/input"
"$MSB" exec box -- kernel_probe used <"$T/input" >"$T/used" &
program=$!
exec 3>"$T/input"
eventually 20 grep -q ready "$T/used"
for pid in $engine; do kill -STOP "$pid"; done
sleep 3
for pid in $engine; do kill -CONT "$pid"; done
echo >&3
exec 3>&-
wait $program
read -r used passed < <(tail -n 1 "$T/used")
echo "used $used of $passed ms"
[ $((passed - used)) -ge 2500 ] || fail_test "a program used $used ms of $passed, 3000 of which its machine was stopped"
# Stack, heap and mappings: three different lines, and in each column three different places.
for column in 1 2 3; do
    assert_eq "$(awk -v c=$column '{ print $c }' <<<"$out" | sort -u | wc -l)" 3 "column $column of: $out"
done
run_ok msb rm -q -f box
no_leftovers
