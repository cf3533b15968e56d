#!/usr/bin/env bash
# ctest: timeout=300
# A power cut after any fsync of a command that makes, takes in, replaces or removes a snapshot or a volume: what was
# acknowledged is there and whole, what was not is whole or not there, and the next commands work and clear up. Only what
# was made durable survives, or besides it all names (tests/power_cut/replay.py).
. "$(dirname "$0")/../lib.sh"
need_kernel
need e2fsck

recorder=$MSB_BUILD/tools/libpower_cut.so
replay() { python3 "$TESTS_DIR/power_cut/replay.py" "$@"; }
msb create -q -n box --root-disk 128M
msb exec box -- sh -c 'echo kept >/kept && sync'
msb stop -q -t 5 box
msb snapshot create -q old --from box
msb snapshot export old "$T/old.tar.zst"
msb volume create -q data
echo kept >"$MSB_HOME/volumes/data/file"
sync

cuts=0
# cut_anywhere CHECK COMMAND...: CHECK is called for each moment, with "acknowledged" if the command had ended by then.
cut_anywhere() {
    local check=$1 moments moment model
    shift
    rm -rf "$T/store" "$T/log"
    mkdir "$T/log"
    replay keep "$MSB_HOME" "$T/store"
    LD_PRELOAD=$recorder POWER_CUT_ROOT=$MSB_HOME POWER_CUT_LOG=$T/log run_ok msb "$@"
    moments=$(replay count "$T/log")
    [ "$moments" -gt 0 ] || fail_test "nothing was made durable: msb $*"
    for model in durable names; do
        for moment in $(seq 0 "$moments"); do
            cuts=$((cuts + 1))
            replay restore "$MSB_HOME" "$T/store" "$T/log" "$moment" $model
            here="msb $*: $model, $moment of $moments"
            $check "$([ "$moment" -lt "$moments" ] || echo acknowledged)" ||
                fail_test "$here: $(cat "$T/.err")"
        done
    done
    replay restore "$MSB_HOME" "$T/store" "$T/log" 0 durable
}
no_rubbish() { [ -z "$(find "$MSB_HOME/snapshots" "$MSB_HOME/volumes" -name '*.staging')" ] || fail_test "$here: rubbish"; }
snapshot_is_whole() { # NAME
    run_ok msb snapshot verify "$1"
    run_ok e2fsck -fn "$MSB_HOME/snapshots/$1/upper.ext4"
}
new_snapshot() {
    run_ok msb snapshot ls -q
    if [ -d "$MSB_HOME/snapshots/new" ]; then snapshot_is_whole new; else [ -z "$1" ] || fail_test "$here: lost"; fi
    [ "$(msb snapshot ls -q | wc -l)" -ge 1 ] || fail_test "$here: the old one is lost"
    run_ok msb snapshot create -q --force new --from box
    no_rubbish
}
cut_anywhere new_snapshot snapshot create -q --integrity new --from box

imported() {
    if [ -d "$MSB_HOME/snapshots/come" ]; then snapshot_is_whole come; else [ -z "$1" ] || fail_test "$here: lost"; fi
    run_ok msb snapshot import --force --name come "$T/old.tar.zst"
    no_rubbish
}
cut_anywhere imported snapshot import --name come "$T/old.tar.zst"

replaced() { # one of both is there at any moment
    snapshot_is_whole old
    run_ok msb snapshot ls -q
    no_rubbish
}
cut_anywhere replaced snapshot create -q --force --integrity old --from box

removed() {
    run_ok msb snapshot ls -q
    if [ -d "$MSB_HOME/snapshots/old" ]; then
        [ -z "$1" ] || fail_test "$here: it came back"
        snapshot_is_whole old
    fi
    no_rubbish
}
cut_anywhere removed snapshot rm -q old

new_volume() {
    run_ok msb volume ls -q
    if [ -d "$MSB_HOME/volumes/new" ]; then
        run_ok msb volume inspect new
        run_ok e2fsck -fn "$MSB_HOME/volumes/new/disk.raw"
        run_ok msb volume rm -q new
    else
        [ -z "$1" ] || fail_test "$here: lost"
    fi
    run_ok msb volume create -q new
    assert_eq "$(cat "$MSB_HOME/volumes/data/file")" kept
    no_rubbish
}
cut_anywhere new_volume volume create -q new --kind disk --size 128M

cloned() {
    run_ok msb volume ls -q
    if [ -d "$MSB_HOME/volumes/copy" ]; then
        run_ok msb volume inspect copy
        assert_eq "$(cat "$MSB_HOME/volumes/copy/file")" kept "$here"
        run_ok msb volume rm -q copy
    else
        [ -z "$1" ] || fail_test "$here: lost"
    fi
    run_ok msb volume clone -q data copy
    no_rubbish
}
cut_anywhere cloned volume clone -q data copy

grown() { # its size is the old one or the new one, and it is a sandbox that starts
    run_ok msb inspect box --format json
    [ -z "$1" ] || assert_match "$out" '"root_disk_mib": 256' "$here"
    run_ok e2fsck -fn "$MSB_HOME/sandboxes/box/upper.ext4"
}
cut_anywhere grown modify box --root-disk 256M
run_ok msb modify box --root-disk 256M
run_ok msb exec box -- cat /kept
assert_eq "$out" kept
echo "$cuts power cuts"
run_ok msb rm -q -f box
no_leftovers
