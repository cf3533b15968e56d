#!/usr/bin/env bash
# The guest's kernel is set up as programs expect it: the processor, memory, ports, ping.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box -m 256M
# Every processor has an entry with what ps and vmstat of libproc2 ask for, and the processor's own name and flags.
run_ok msb exec box -- cat /proc/cpuinfo
for line in 'processor[[:space:]]*: 0' 'physical id[[:space:]]*: 0' 'siblings[[:space:]]*: 1' 'core id[[:space:]]*: 0' \
    'cpu cores[[:space:]]*: 1' 'flags[[:space:]]*:.* sse2 .*'; do
    assert_match "$out" "^$line\$" /proc/cpuinfo
done
assert_eq "$(grep '^model name' <<<"$out" | sed 's/.*: //')" \
    "$(grep -m 1 '^model name' /proc/cpuinfo | sed 's/.*: //')" "model name"

# A user's own namespace may still have its own /proc.
run_ok msb exec box -u 1234 -- unshare -U -r -p -f -m --mount-proc sh -c 'cd /proc && echo [0-9]*'
assert_match "$out" '^1( [2-9])?$' "processes of the namespace"

# More memory than there is, if it is not used.
run_ok msb exec box -- sh -c 'cat /proc/sys/vm/overcommit_memory'
assert_eq "$out" 1

# Ports and ping of ordinary users.
run_ok msb exec box -u 1234 -- sh -c 'busybox httpd -f -p 127.0.0.1:80 -h /etc & for i in 1 2 3 4 5 6 7 8 9; do
    busybox wget -qO- http://127.0.0.1/hostname && break; sleep 1; done; kill $!'
assert_eq "$out" box "a server on port 80"
run_ok msb exec box -- cat /proc/sys/net/ipv4/ping_group_range
assert_match "$out" '^0[[:space:]]+2147483647$'
run_ok msb rm -q -f box
no_leftovers
