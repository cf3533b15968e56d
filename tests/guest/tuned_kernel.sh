#!/usr/bin/env bash
# What the patches of the tuned kernel are for (guest/kernel/patches): sandboxes of browsers, debuggers, accounting of
# time, and places that are not the same in every process.
. "$(dirname "$0")/../lib.sh"
need_kernel uml-tuned

run_ok msb create -q -n box --kernel uml-tuned
run_ok msb cp -q "$MSB_BUILD/tools/kernel_probe" box:/bin/kernel_probe
for what in trap xstate watch time; do
    run_ok msb exec box -- kernel_probe $what
done
run_ok msb exec box -- sh -c 'for i in 1 2 3; do kernel_probe place; done'
# Stack, heap and mappings: three different lines, and in each column three different places.
for column in 1 2 3; do
    assert_eq "$(awk -v c=$column '{ print $c }' <<<"$out" | sort -u | wc -l)" 3 "column $column of: $out"
done
run_ok msb rm -q -f box
no_leftovers
