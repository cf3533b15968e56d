#!/usr/bin/env bash
# ctest: timeout=300
# kill -9 of a command that makes, clones or removes a volume, at any moment: the next command finds it whole or not at
# all, and nothing else is left.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb volume create -q source
for i in $(seq 300); do echo "$i" >"$MSB_HOME/volumes/source/$i"; done
msb volume create -q disk --kind disk --size 256M
msb run -q -v disk:/d -- sh -c 'dd if=/dev/urandom of=/d/data bs=1M count=24 2>/dev/null; echo whole >/d/last'

# killed_after MILLISECONDS COMMAND...
killed_after() {
    "$MSB" "${@:2}" >/dev/null 2>&1 &
    local pid=$!
    python3 -c "import time; time.sleep($1 / 1000)"
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
}
exists() { msb volume inspect "$1" >/dev/null 2>&1; }

for after in 1 3 5 8 12 20 30; do
    killed_after $after volume create new --kind disk --size 512M
    if exists new; then
        run_ok e2fsck -fn "$MSB_HOME/volumes/new/disk.raw"
        run_ok msb volume rm -q new
    fi
    killed_after $after volume clone source copy
    if exists copy; then
        assert_eq "$(find "$MSB_HOME/volumes/copy" -type f | wc -l)" 300 "a clone that is there"
        killed_after $after volume rm copy
        ! exists copy || assert_eq "$(find "$MSB_HOME/volumes/copy" -type f | wc -l)" 300 "one that was not removed"
        ! exists copy || run_ok msb volume rm -q copy
    fi
    killed_after $after volume clone disk copy
    if exists copy; then
        run_ok msb run -q -v copy:/d -- cat /d/last
        assert_eq "$out" whole
        run_ok msb volume rm -q copy
    fi
done
# A command that only wants a volume to exist, killed while the sandbox starts: the volume is whole.
for after in 5 15 40 100; do
    killed_after $after run --mount-named racer:/d:kind=disk,size=128M -- sleep 1
    msb ls -q >/dev/null
    ! exists racer || run_ok e2fsck -fn "$MSB_HOME/volumes/racer/disk.raw"
done
none_left() { [ -z "$(msb ls -q)" ]; }
eventually 20 none_left
run_ok msb run -q --mount-named racer:/d:kind=disk,size=128M -- true
run_ok msb volume create -q last
run_ok msb volume ls -q
assert_eq "$(sort <<<"$out" | tr '\n' ' ')" "disk last racer source "
assert_eq "$(find "$MSB_HOME/volumes" -maxdepth 1 -name '.*' -type d | grep -cvE '/\.(locks|meta)$')" 0 "rubbish"

# A runtime that is killed lets go of its volumes.
msb create -q -n box -v disk:/d
kill -9 "$(host_pids_of runtime | head -1)"
eventually 10 msb volume rm -q disk
run_ok msb rm -q -f box
no_leftovers
