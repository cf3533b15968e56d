#!/usr/bin/env bash
# Control groups: made, filled beyond their limits and removed in a guest, which has cgroup v2 whatever
# this machine has; and around real sandboxes where this machine can.
. "$(dirname "$0")/../lib.sh"
need_kernel
group=$MSB_BUILD/tests/jail/group

run_ok msb create -q -n inside -m 384M
"$MSB" exec inside -- sh -c 'cat >/root/group && chmod 755 /root/group' <"$group"
run_ok msb exec inside -- cat /proc/mounts
assert_contains "$out" " /sys/fs/cgroup cgroup2 "
run_ok msb exec inside -- /root/group
echo "$out"
assert_not_contains "$out" FAIL
[ "$(grep -c '^ok ' <<<"$out")" -ge 8 ] || fail_test "fewer findings than expected: $out"
run_ok msb rm -q -f inside

# This machine: what doctor says is what happens.
run_ok msb doctor --format json
state=$(jq -r '.checks[] | select(.id == "control-group") | .status' <<<"$out")
if [ "$state" = ok ]; then
    run_ok msb create -q -n grouped -m 128M
    note=$(find "$MSB_HOME/run/groups" -type l)
    directory=$(readlink "$note")
    [ "$(wc -l <"$directory/cgroup.procs")" -gt 1 ] || fail_test "nobody is in $directory"
    limit=$directory/memory.max
    [ -e "$limit" ] || limit=$directory/memory.limit_in_bytes # version 1
    [ "$(cat "$limit")" -ge $((128 << 20)) ] || fail_test "$limit is too small"
    kill -9 "$(head -n 1 "$directory/cgroup.procs")"
    eventually 10 sh -c '"$0" ls --format json | grep -q Crashed' "$MSB"
    assert_no_path "$directory"
    assert_no_path "$note"
    # Groups of homes that are gone are swept when they are old, others are left alone.
    stale=${directory%????????????????????????}
    mkdir "${stale}111111111111111111111111" "${stale}222222222222222222222222" "${stale}3"
    touch -d '1 hour ago' "${stale}111111111111111111111111" "${stale}3"
    run_ok msb start -q grouped
    assert_no_path "${stale}111111111111111111111111"
    rmdir "${stale}222222222222222222222222" "${stale}3"
    [ -d "$directory" ] || fail_test "no group after a new start"
    run_ok msb rm -q -f grouped
    assert_no_path "$directory"
fi
no_leftovers
