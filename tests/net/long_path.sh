#!/usr/bin/env bash
# ctest: timeout=300
# A path of 100 ms and 1 Gbit/s to a server: what is on its way is not bounded by a window of the guest's side, the ends of
# the directions are independent there, too.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
make_networks 4
serve_world
FAR=93.184.216.14
helper python3 "$TESTS_DIR/delay_link.py" "$HOST_PID" "$WORLD_PID" "$T/link.ready" 50 1
eventually 10 test -e "$T/link.ready"
in_host ip addr add 93.184.216.1/24 dev far
in_world ip addr add $FAR/24 dev far
for side in host world; do
    in_$side ip link set far mtu 65000 up txqueuelen 2000
    in_$side sysctl -qw net.ipv4.tcp_rmem='4096 131072 67108864' net.ipv4.tcp_wmem='4096 16384 67108864'
done

# 64 MiB: with 64 KiB on their way at a time they would take more than 100 s.
bytes=$((64 << 20))
host_ok create -q -n box --net public
host_run 60 exec box -- sh -c "nc $FAR 82 </dev/null | wc -c"
assert_eq "$out" "$bytes" "bytes from the server"
host_run 60 exec box -- sh -c "head -c $bytes /dev/zero | nc $FAR 83"
assert_eq "$out" "$bytes" "bytes to the server, which answers after their end"
host_run 60 exec box -- sh -c "(echo to; sleep 1; echo fro) | nc $FAR 81"
assert_eq "$out" "to
fro
end" "what comes after the guest's end"
host_ok rm -q -f box
no_leftovers
