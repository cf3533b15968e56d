#!/usr/bin/env bash
# A directory on the way that somebody swaps for a symbolic link in a loop, a guest or a program of the host: whatever msb
# copies meanwhile, nothing outside is read or written. Copies may fail.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel

mkdir "$T/outside"
echo secret >"$T/outside/file"
outside_is_whole() {
    assert_eq "$(ls "$T/outside") $(cat "$T/outside/file")" "file secret" "$1"
}
no_secret() { # WHAT DIRECTORY
    if grep -rqs secret "$2"; then fail_test "$1: what is outside was read"; fi
    rm -rf "$2"
}
swap() ( # DIRECTORY: `real` in it is a directory, a link, and a directory again
    cd "$1"
    while [ ! -e "$T/stop" ]; do
        mv -T real way && ln -s "$T/outside" real && rm real && mv -T way real
    done
)
swapping() { # DIRECTORY
    mkdir -p "$1/real"
    echo inside >"$1/real/file"
    swap "$1" 2>/dev/null &
    HELPER_PIDS+=("$!")
    swapper=$!
}
settle() {
    touch "$T/stop"
    wait "$swapper" || :
    rm "$T/stop"
}
rounds=15
echo harmless >"$T/made"

# A tree of the host that is copied into a sandbox and a volume, and patched into an image.
run_ok msb create -q -n box -v data:/v
msb volume create -q disk --kind disk --size 128M
swapping "$T/src"
for i in $(seq $rounds); do
    run limited 30 msb cp -q "$T/src" "box:/copy$i"
    run limited 30 msb cp -q "$T/src" "data:/copy$i"
    run limited 30 msb cp -q "$T/src" "disk:/copy$i"
    run limited 30 msb create -q -n "patched$i" --copy-dir "$T/src:/patched"
done
settle
run_ok msb exec box -- sh -c 'cat /copy*/real/file /copy*/way/file 2>/dev/null | sort -u'
assert_not_contains "$out" secret
no_secret "a volume" "$MSB_HOME/volumes/data"/copy1
run_ok msb cp -q disk:/ "$T/from-disk"
no_secret "a disk" "$T/from-disk"
for i in $(seq $rounds); do
    run msb exec "patched$i" -- sh -c 'cat /patched/real/file /patched/way/file 2>/dev/null'
    assert_not_contains "$out" secret
    run msb rm -q -f "patched$i"
done

# A volume whose guest swaps: both directions, and a copy of all of it by a program of the host beside it.
run_ok msb exec -d box -- sh -c "mkdir -p /v/real && echo inside >/v/real/file && cd /v &&
    while :; do mv -T real way && ln -s '$T/outside' real && rm real && mv -T way real; done"
eventually 10 test -e "$MSB_HOME/volumes/data/real"
for i in $(seq $rounds); do
    run limited 30 msb cp -q data:/real "$T/out"
    run limited 30 msb cp -q data:/real/file "$T/single"
    [ "$(cat "$T/single" 2>/dev/null)" != secret ] || fail_test "a file of the host came out of a volume"
    run limited 30 msb cp -q "$T/made" data:/real/made
    run limited 30 msb cp -q "$T/src" data:/real/tree
    run limited 30 msb cp -q box:/v/real "$T/out"
done
no_secret "a volume" "$T/out"
outside_is_whole "copies into a volume"
run_ok msb rm -q -f box
rm -rf "$MSB_HOME/volumes/data"/{real,way}
swapping "$MSB_HOME/volumes/data"
for i in $(seq $rounds); do
    run limited 30 msb volume clone -q data "twin$i"
    no_secret "a clone" "$MSB_HOME/volumes/twin$i"
done

# And what is removed is what is in the volume.
run limited 30 msb volume rm -q data
settle
outside_is_whole "removing a volume"
no_leftovers
