#!/usr/bin/env bash
# export, import and their programs, killed at many moments: never half a file or half a snapshot under its name, and the
# next command removes what was begun.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box --root-disk 512M
msb exec box -- sh -c 'dd if=/dev/urandom of=/data bs=1M count=40 2>/dev/null; sync'
msb stop -q box
base=$(msb snapshot create -q base --from box)
msb create -q -n fork --from base
msb exec fork -- sh -c 'dd if=/dev/urandom of=/data bs=1M count=20 2>/dev/null; sync'
msb stop -q fork
child=$(msb snapshot create -q child --from fork)
msb snapshot export child --with-parents --with-image -q -o "$T/good"
msb snapshot export child --since base -q -o "$T/changes"
sum=$(sha256sum <"$T/good")
msb rm -q -f box fork
mkdir "$T/out"

# killed_at SECONDS WHOM COMMAND...: kills the command, or the program or one of its workers, at that moment.
killed_at() {
    local delay=$1 whom=$2 pid
    "$MSB" "${@:3}" >/dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    if [ "$whom" = command ]; then
        kill -9 $pid 2>/dev/null || :
    else
        # shellcheck disable=SC2046
        kill -9 $(host_pids_of archive | "$whom" -n 1) 2>/dev/null || :
    fi
    wait $pid 2>/dev/null || :
    eventually 5 no_test_processes
}

for whom in command head tail; do
    for delay in 0.02 0.07 0.2; do
        killed_at $delay $whom snapshot export child --with-parents --with-image -q -f -o "$T/out/archive"
        if [ -e "$T/out/archive" ]; then
            assert_eq "$(sha256sum <"$T/out/archive")" "$sum" "an archive whose maker was killed at $delay"
            rm "$T/out/archive"
        fi
        run_ok msb snapshot export base -q -f -o "$T/out/next"
        assert_eq "$(ls -A "$T/out")" next "what is left of export after $delay"
    done
done

export MSB_HOME=$T/other
for whom in command head tail; do
    for delay in 0.02 0.07 0.2; do
        killed_at $delay $whom snapshot import "$T/good" -q
        run_ok msb snapshot ls -q
        for digest in $out; do
            case $digest in "$base" | "$child") ;; *) fail_test "a snapshot $digest" ;; esac
        done
        run_ok msb snapshot import "$T/good" -q -f
        assert_eq "$out" "$child"
        assert_eq "$(ls -A "$MSB_HOME/snapshots")" "base
child" "what is left of import after $delay"
        run_ok msb snapshot import "$T/changes" -f -q
        killed_at $delay $whom snapshot import "$T/changes" -f -q
        cmp "$MSB_HOME/snapshots/child/upper.ext4" "$T/home/snapshots/child/upper.ext4"
        run_ok msb snapshot rm -q -f base child
        run_ok msb image ls -q # collects nothing of the next import
        assert_eq "$(ls -A "$MSB_HOME/snapshots")" "" "what is left in the store"
    done
done
run_ok msb snapshot import "$T/good" -q
run_ok msb run -q --pull never --from child -- sh -c 'wc -c </data'
assert_eq "$out" $((20 << 20))
assert_eq "$(find "$MSB_HOME/cache/tmp" -type f)" "" "temporary files"
no_leftovers
