#!/usr/bin/env bash
# MSB_HOME is where everything is kept, as it is named: sandboxes, images, volumes, snapshots, catalogue, commands. Two of
# them do not see each other, and nothing is written below $HOME.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/releases.sh"
need_kernel
rm "$HOME/.profile"
cd "$HOME"
busybox_image "$T/image.tar" in/one:1
export XDG_CACHE_HOME=$HOME/cache XDG_CONFIG_HOME=$HOME/config XDG_DATA_HOME=$HOME/data XDG_RUNTIME_DIR=$HOME/run

in_home() { MSB_HOME=$T/$1 limited 60 "$MSB" "${@:2}"; }
run_ok in_home one load -q -i "$T/image.tar"
run_ok in_home one create -q -n box in/one:1
run_ok in_home one exec box -- sh -c 'echo one >/root/note'
run_ok in_home one volume create data
run_ok in_home one install -q -n tool in/one:1 -- echo
run_ok in_home one stop -q box
run_ok in_home one snapshot create kept --from box

# All of it is there, and no .microsandbox is put in between.
for path in db/msb.db sandboxes/box/spec.json volumes/data snapshots/kept bin/tool cache; do
    assert_path "$T/one/$path"
done
assert_no_path "$T/one/.microsandbox"

# The other one has nothing of it, and may have another of the same name.
for list in ls 'image ls' 'volume ls' 'snapshot ls' 'install --list'; do
    # shellcheck disable=SC2086
    run_ok in_home two $list --format json
    assert_eq "$out" "[]" "$list"
done
run_fail 1 "box" in_home two exec box -- true
run_ok in_home two create -q -n box
run_ok in_home two exec box -- sh -c 'echo two >/root/note'
run_ok in_home one start -q box
for home in one two; do
    run_ok in_home "$home" exec box -- cat /root/note
    assert_eq "$out" "$home"
done
run_ok in_home two rm -f box
run_ok in_home one exec box -- cat /root/note
assert_eq "$out" one

# The installer puts the programs there, too, and only its two links elsewhere.
assert_eq "$(find "$HOME" -mindepth 1)" "" "what is below HOME"
make_release "$T/release" 1.0.0
run_ok env MSB_HOME="$T/one" "$INSTALLER" --from "$T/release"
assert_path "$T/one/bin/msb"
assert_path "$T/one/lib/libmicrosandbox.so.1"
assert_eq "$(find "$HOME" -mindepth 1 ! -type d -printf '%P ')" ".local/bin/msb .local/bin/microsandbox " "what is below HOME"
run_ok in_home one rm -f box
no_leftovers
