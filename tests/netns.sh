# Networks for tests: two namespaces of their own, joined by a cable. In "host" msb runs; in "world"
# servers do. Nothing of the machine's own network is touched. Sourced after lib.sh.
# shellcheck shell=bash disable=SC2154
# (lib.sh sets what is not assigned here)

WORLD4=93.184.215.14 WORLD6=2606:2800:220:1::14
HOST4=93.184.215.1 HOST6=2606:2800:220:1::1

in_host() { nsenter --net --mount --target "$HOST_PID" -- "$@"; }
in_world() { nsenter --net --target "$WORLD_PID" -- "$@"; }

# make_networks FAMILY...: "4" and "6" say what is on the cable; with a default route to the world.
# /etc/resolv.conf names the world's server.
make_networks() {
    need ip nsenter unshare python3
    need_root
    helper unshare --net --mount --propagation private sleep 1000
    HOST_PID=$helper_pid
    helper unshare --net sleep 1000
    WORLD_PID=$helper_pid
    eventually 5 separate_networks
    in_host ip link set lo up
    in_world ip link set lo up
    in_host ip link add cable type veth peer name cable netns "$WORLD_PID"
    in_host ip link set cable up
    in_world ip link set cable up
    : >"$T/resolv.conf"
    local family
    for family; do
        if [ "$family" = 4 ]; then
            in_host ip addr add $HOST4/24 dev cable
            in_world ip addr add $WORLD4/24 dev cable
            in_host ip route add default via $WORLD4
            echo "nameserver $WORLD4" >>"$T/resolv.conf"
        else
            in_host ip addr add $HOST6/64 dev cable nodad
            in_world ip addr add $WORLD6/64 dev cable nodad
            in_host ip route add default via $WORLD6
            echo "nameserver $WORLD6" >>"$T/resolv.conf"
        fi
    done
    [ -e /etc/resolv.conf ] || skip "there is no /etc/resolv.conf to put another one over"
    in_host mount --bind "$T/resolv.conf" "$(readlink -f /etc/resolv.conf)"
}

separate_networks() {
    local ours host world
    ours=$(readlink /proc/self/ns/net)
    host=$(readlink "/proc/$HOST_PID/ns/net")
    world=$(readlink "/proc/$WORLD_PID/ns/net")
    [ "$host" != "$ours" ] && [ "$world" != "$ours" ] && [ "$host" != "$world" ]
}

# serve_world: servers of the world, see world_server.py.
serve_world() {
    helper nsenter --net --target "$WORLD_PID" -- python3 "$TESTS_DIR/world_server.py" "$T/world.ready"
    eventually 10 test -e "$T/world.ready"
}

# capture_cable: from now on $T/seen has what the host sends to the world, see capture.py.
capture_cable() {
    helper nsenter --net --target "$HOST_PID" -- python3 "$TESTS_DIR/capture.py" "$T/seen"
    eventually 10 test -e "$T/seen.ready"
}

# host_run SECONDS ARGUMENTS...: msb, in the host's namespaces. Sets $code, $out and $err as run does.
host_run() {
    local seconds=$1
    shift
    run in_host timeout --foreground -k 5 "$seconds" "$MSB" "$@"
}
host_ok() {
    host_run 60 "$@"
    [ "$code" -eq 0 ] || { show; fail_test "exit code $code (wanted 0): msb $*"; }
}

# lookups NAME OPTIONS...: a sandbox with --net-rule and the like in which `asks` looks names up.
lookups() {
    host_ok create -q -n "$1" "${@:2}"
    in_host "$MSB" exec "$1" -- sh -c 'cat >/bin/ask; chmod 755 /bin/ask' <"$MSB_BUILD/tools/ask"
}
# asks SANDBOX udp|tcp CODE NAME [TYPE]: the name server answers with CODE (0: found, 3: no such name).
asks() {
    # shellcheck disable=SC2016
    host_ok exec "$1" -- sh -c 'gateway=${MSB_NET_IPV4#*gw=}; ask "$1" "${gateway%%,*}" "$2" $3' - "$2" "$4" "${5-}"
    assert_eq "$out" "$3" "$2 lookup of $4 ${5-}"
}
