#!/usr/bin/env bash
# The host's disk is full: what a guest writes waits for room, the sandbox says so, and goes on when there is some. It can
# be stopped and killed meanwhile.
# In a mount namespace of its own, with which goes whatever is mounted below.
if [ "$(id -u)" -eq 0 ] && [ -z "${MSB_TEST_IN_NAMESPACE:-}" ]; then
    MSB_TEST_IN_NAMESPACE=1 exec unshare -m --propagation private bash "$0"
fi
. "$(dirname "$0")/../lib.sh"
need_kernel
need_root

mkdir "$MSB_HOME"
mount -t tmpfs -o size=96m tmpfs "$MSB_HOME"
chmod 700 "$MSB_HOME"
fill() { head -c 1G /dev/zero >"$MSB_HOME/ballast" 2>/dev/null || :; }
make_room() { rm "$MSB_HOME/ballast"; }
waits() { [[ $(msb inspect box) == *"waiting for room on the host's disk"* ]]; }

run_ok msb create -q -n box
run_ok msb exec box -- sh -c 'echo before >/before; sync'
fill

# A command fills the disk of its guest: it hangs, the sandbox says why, and other commands go on.
"$MSB" exec box -- sh -c 'head -c 8000000 /dev/urandom >/big && sync && sha256sum </big' >"$T/sum" &
writer=$!
eventually 20 waits
assert_contains "$(msb inspect box --format json)" "\"detail\": \"waiting for room on the host's disk\""
run_ok msb exec box -- cat /before
assert_eq "$out" before
make_room
wait $writer
not_waiting() { ! waits; }
eventually 10 not_waiting
assert_eq "$(msb exec box -- sh -c 'sha256sum </big')" "$(cat "$T/sum")"
assert_contains "$(cat "$MSB_HOME/sandboxes/box/logs/runtime.log")" "no write waits for room any more"
run_ok msb exec box -- sh -c 'echo after >/after; sync'

# The file system is whole.
run_ok msb stop -q box
if command -v e2fsck >/dev/null; then
    run_ok e2fsck -fn "$MSB_HOME/sandboxes/box/upper.ext4"
fi
run_ok msb start -q box
assert_eq "$(msb exec box -- cat /after)" after

# It ends by force at once, and by stop within its grace.
for how in 'stop -t 2' kill 'rm -f'; do
    fill
    "$MSB" exec box -- sh -c 'head -c 8000000 /dev/urandom >/more; sync' >/dev/null 2>&1 &
    writer=$!
    eventually 20 waits
    begin=$SECONDS
    # shellcheck disable=SC2086
    run_ok msb $how -q box
    [ $((SECONDS - begin)) -lt 10 ] || fail_test "$how took $((SECONDS - begin)) s"
    wait $writer || :
    make_room
    [ "$how" = 'rm -f' ] || run_ok msb start -q box
done
umount -l "$MSB_HOME"
no_leftovers
