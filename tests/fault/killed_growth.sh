#!/usr/bin/env bash
# ctest: timeout=300
# A root disk that grows while its guest runs, and what is killed meanwhile: the command, or the runtime. What was written
# is there, the file system is clean after its journal, and saying it again gives the room.
. "$(dirname "$0")/../lib.sh"
need_kernel
need e2fsck

kernels=$(cd "$MSB_BUILD/share/microsandbox/kernels" && echo uml-*)
root_mib() { msb exec box -- sh -c 'df -m / | tail -n 1 | tr -s " " | cut -d " " -f 2'; }
crashed() { msb ls --format json | grep -q Crashed; }
for kernel in $kernels; do
    run_ok msb create -q -n box --kernel "$kernel" --root-disk 128M
    size=128
    for after in 1 4 8 15 30 60; do
        size=$((size + 128))
        run_ok msb exec box -- sh -c "echo $size >/written && sync"
        "$MSB" modify box --root-disk ${size}M >/dev/null 2>&1 &
        pid=$!
        python3 -c "import time; time.sleep($after / 1000)"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        run_ok msb modify box --root-disk ${size}M
        [ "$(root_mib)" -gt $((size - 90)) ] || fail_test "$kernel: $(root_mib) MiB of $size after $after ms"
    done
    # The runtime, while it grows.
    "$MSB" modify box --root-disk 4G >/dev/null 2>"$T/modify" &
    pid=$!
    sleep 0.02
    kill -9 "$(host_pids_of runtime | head -1)"
    wait $pid || grep -Eq 'has its new size, but|runtime|starting or ending' "$T/modify" || fail_test "$(cat "$T/modify")"
    eventually 10 crashed
    run_ok msb start -q box
    run_ok msb exec box -- cat /written
    assert_eq "$out" $size
    run_ok msb modify box --root-disk 4G
    [ "$(root_mib)" -gt 3500 ] || fail_test "$kernel: $(root_mib) MiB of 4096"
    run_ok msb stop -q -t 5 box
    run_ok e2fsck -fn "$MSB_HOME/sandboxes/box/upper.ext4"
    run_ok msb rm -q box
done
no_leftovers
