#!/usr/bin/env bash
# If a start fails later, only the volumes that this attempt made are removed; two that want one volume to exist at once
# get one.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb volume create -q old
touch "$MSB_HOME/volumes/old/file"

# The guest fails to boot: its working directory is missing.
for name in "" "-n kept"; do
    # shellcheck disable=SC2086
    run_fail any "" msb run $name -v new:/d -v old:/o --mount-named disk:/k:kind=disk,size=128M -w /missing -- true
    run_ok msb volume ls -q
    assert_eq "$out" old "after a failed start"
    assert_path "$MSB_HOME/volumes/old/file"
done
assert_eq "$(ls -A "$MSB_HOME/volumes/.meta")" old.json
# What is left of the kept one can be started when the reason is gone: its volumes are made then.
run_ok msb rm -q kept

# A source that is missing, and a later mount that does not fit.
run_fail any "" msb run -v new:/d -v "$T/none:/n" -- true
run_fail any "has the kind dir" msb run -v new:/d --mount-named old:/o:kind=disk,size=1G -- true
run_ok msb volume ls -q
assert_eq "$out" old

# A race of sandboxes for two volumes: each is made once, and has what all of them wrote.
for i in 1 2 3 4; do
    msb run -q -v race:/d --mount-named other:/e -- sh -c "echo $i >/d/$i && echo $i >/e/$i" &
    pids[i]=$!
done
for i in 1 2 3 4; do wait "${pids[$i]}"; done
for volume in race other; do
    assert_eq "$(cd "$MSB_HOME/volumes/$volume" && echo *)" "1 2 3 4"
done
run_ok msb volume ls -q
assert_eq "$(sort <<<"$out" | tr '\n' ' ')" "old other race "
assert_path "$MSB_HOME/volumes/.locks/race.lock"

# Of two that make one volume, one does.
for i in 1 2 3 4 5 6; do
    { msb volume create -q same >"$T/made.$i" 2>&1 && echo made >"$T/won.$i"; } || true &
    pids[i]=$!
done
for i in 1 2 3 4 5 6; do wait "${pids[$i]}"; done
assert_eq "$(cat "$T"/won.* | wc -l)" 1
assert_eq "$(cat "$T"/made.* | grep -c 'volume already exists: same')" 5
assert_eq "$(find "$MSB_HOME/volumes" -name '*.staging')" ""
no_leftovers
